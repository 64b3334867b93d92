import assert from 'node:assert/strict'
import type { EnvelopeBytes, PeerIdBytes } from '#src/core/bytes.js'
import { utf8 } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { Notice } from '#src/core/wire/tallystick.js'
import { ReceiptServer } from '#src/intake/receipt-server.js'
import { Relay } from '#src/intake/relay.js'
import { Host } from '#src/network/host.js'
import { FalseSequencer } from '../helpers/false-sequencer.js'
import { identity, makeNetwork } from '../helpers/networks.js'

describe('the relay of a follower', () => {
  let now: number
  /** What is certified upstream, and how often that was asked; 'nothing' where nobody answers. */
  let upstream: string
  let asked: number
  let relay: Relay
  let warnings: number

  beforeEach(async () => {
    const net = await makeNetwork()
    now = 0
    upstream = 'first'
    asked = 0
    warnings = 0
    const host = await Host.create({ key: await identity('follower'), listen: [], topics: [] })
    relay = new Relay({
      network: net.network.id,
      sequencer: net.sequencer,
      receipts: new ReceiptServer({ host, network: net.network.id, clock: () => 0 }),
      certificateOf: async (): Promise<EnvelopeBytes> => {
        asked += 1
        if (upstream === 'nothing') throw new Error('nobody answers')
        return utf8(upstream) as Uint8Array as EnvelopeBytes
      },
      receiptOf: () => Promise.reject(new Error('no receipts here')),
      clock: () => now,
      heard: () => undefined,
      report: () => {
        warnings += 1
      }
    })
    relay.up(await relay.prepare(net.sequencer))
  })

  async function certificate(): Promise<string> {
    return Buffer.from((await relay.certificate()) ?? []).toString()
  }

  function refuse(reason: string): void {
    const refused = {
      leaf: FalseSequencer.noLeaf,
      reason,
      detail: '',
      author: utf8('someone') as PeerIdBytes,
      sealedDetail: new Uint8Array(0)
    }
    relay.notice(Notice.decode(Notice.encode({ refused })))
  }

  it('gives the certificate that it has for some seconds, then asks upstream again', async () => {
    upstream = 'second'
    now += LIMITS.certificateMs - 1
    assert.deepEqual([await certificate(), asked], ['first', 1])
    now += 1
    assert.deepEqual([await certificate(), asked], ['second', 2])
    assert.deepEqual([await certificate(), asked], ['second', 2])
  })

  it('asks upstream again once it has passed on that a key is unknown, and not after other refusals', async () => {
    upstream = 'second'
    refuse('bad schema')
    assert.deepEqual([await certificate(), asked], ['first', 1])
    refuse('unknown key')
    assert.deepEqual([await certificate(), asked], ['second', 2])
    assert.deepEqual([await certificate(), asked], ['second', 2])
  })

  it('asks once for all who ask at the same time', async () => {
    upstream = 'second'
    now += LIMITS.certificateMs
    const all = await Promise.all(Array.from({ length: 10 }, certificate))
    assert.deepEqual([new Set(all), asked], [new Set(['second']), 2])
  })

  it('gives what it has while nobody answers upstream, or there is no way to the sequencer', async () => {
    now += LIMITS.certificateMs
    upstream = 'nothing'
    assert.deepEqual([await certificate(), warnings], ['first', 1])
    now += LIMITS.certificateMs
    upstream = 'second'
    relay.down()
    assert.equal(await certificate(), 'first')
  })
})
