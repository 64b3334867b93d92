import assert from 'node:assert/strict'
import { type PeerIdBytes, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { LIMITS } from '#src/core/limits.js'
import type { GossipVerdict, Host } from '#src/network/host.js'
import { stateEvidence } from '#src/node/evidence-check.js'
import { EvidenceKeeper } from '#src/node/evidence-keeper.js'
import { ChainMaker } from '../helpers/blocks.js'
import { present } from '../helpers/changes.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { makeNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'

const peer = (number: number): PeerIdBytes => new Uint8Array(38).fill(number) as PeerIdBytes

describe('a keeper of evidence', () => {
  it('looks at only so much of one neighbour, and at what others bring all the same', async () => {
    const net = await makeNetwork({ blockSize: 1, ledger: await ledgerOf({ alice: 1_000n }) })
    const alice = await Payer.create(net, 'alice')
    const maker = new ChainMaker(net)
    const { burst, perSecond } = LIMITS.evidenceRate
    const alarms = Array.from({ length: burst + 3 }, () => {
      const { signed, state } = maker.cursor
      return present(stateEvidence(signed, state, maker.add([alice.pay(alice, 1n)])))
    })
    const { signed, state } = maker.cursor
    const lie = maker.forge([alice.pay(alice, 1n)], { header: () => ({ state: sha256(utf8('another')) }) })
    const evidence = present(stateEvidence(signed, state, lie))

    let hear: Parameters<Host['subscribe']>[1] = () => 'ignore'
    let now = 0
    const keeper = new EvidenceKeeper({
      host: {
        subscribe: (_, heard) => {
          hear = heard
        },
        unsubscribe: () => undefined,
        publish: async () => 0
      },
      topic: 'evidence',
      database: await memoryDatabase(),
      network: net.network,
      clock: () => now,
      report: () => undefined,
      convicted: () => undefined
    })
    await keeper.start()
    const heardOf = async (number: number, bytes: Uint8Array): Promise<GossipVerdict> =>
      hear(peer(number), bytes)
    const verdicts = await Promise.all(alarms.map(alarm => heardOf(1, alarm)))
    assert.deepEqual(
      verdicts,
      alarms.map((_, index) => (index < burst ? 'reject' : 'ignore'))
    )
    assert.equal(await heardOf(1, evidence), 'ignore')
    assert.deepEqual(keeper.all(), [])
    now += 1_000 / perSecond
    assert.equal(await heardOf(1, present(alarms[0])), 'reject')
    assert.equal(await heardOf(2, evidence), 'accept')
    assert.deepEqual(
      keeper.all().map(({ kind }) => kind),
      ['state']
    )
    await keeper.stop()
  })
})
