import assert from 'node:assert/strict'
import { decodeEnvelope } from '#src/core/envelope.js'
import { leafHash } from '#src/core/merkle.js'
import { decodeMessage } from '#src/core/message.js'
import type { SubmissionResult } from '#src/core/submission.js'
import { SubmissionServer } from '#src/intake/submission-server.js'
import { ValidationShares } from '#src/validation/validation-shares.js'
import { assertBytes } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningClient } from '../helpers/peers.js'
import { RunningEqual, readerOf } from '../helpers/running-equal.js'
import { listening } from '../helpers/served.js'

describe('a client among equals', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let miner: RunningEqual

  before(async () => {
    net = await makeWorkNetwork()
    miner = await RunningEqual.start(cleanup, net, { mining: { threads: 1, blocks: 0 } })
  })

  /** The address of a peer that takes messages as this says, and does nothing else. */
  async function taking(
    take: (count: number) => readonly SubmissionResult[] | Promise<readonly SubmissionResult[]>
  ): Promise<string> {
    return listening(cleanup, net, async host => {
      const server = new SubmissionServer(host, {
        network: net.network.id,
        take: async envelopes => take(envelopes.length),
        shares: new ValidationShares(),
        clock: () => performance.now()
      })
      await server.start()
      cleanup.add(() => server.stop())
    })
  }

  const fates = (count: number, fate: SubmissionResult): SubmissionResult[] =>
    Array.from({ length: count }, () => fate)

  it('hands its messages in, hears that each is taken, and they are mined as it said them', async () => {
    const client = await RunningClient.connected(cleanup, net, miner.address, 'alice')
    await client.send(30)
    assert.equal(await client.client.settled(deadline()), 0)
    const { sent, accepted, refused, resent } = client.client.summary()
    assert.deepEqual({ sent, accepted, refused, resent }, { sent: 30, accepted: 30, refused: 0, resent: 0 })
    assert.equal(client.events.count('accepted'), 30)
    const mined = await miner.controls.mine(3, deadline())
    assert.ok(mined.ok)
    const { asker } = await readerOf(cleanup, net, miner.address)
    const said = client.events.of('accepted')
    for (const height of [1, 2, 3])
      for (const [index, envelope] of (await asker.blockAt(height)).envelopes.entries()) {
        const place = 10 * (height - 1) + index
        const { sequence, author, body } = decodeMessage(decodeEnvelope(envelope).payload)
        assert.deepEqual([sequence, body.kind], [BigInt(place + 1), 'open'])
        assertBytes(author, client.peerId)
        assertBytes(leafHash(envelope), present(said[place]).leaf)
      }
  })

  it('goes on with the next sequence when it runs again', async () => {
    const client = await RunningClient.connected(cleanup, net, miner.address, 'bob')
    await client.send(2)
    await client.events.times('accepted', 2)
    await client.stop()
    await client.start()
    await client.send(1)
    await client.events.times('accepted', 3)
    assert.deepEqual(
      client.events.of('accepted').map(({ sequence }) => sequence),
      [1n, 2n, 3n]
    )
  })

  it('on a new folder uses sequences again that are taken, and is told so', async () => {
    const client = await RunningClient.connected(cleanup, net, miner.address, 'alice')
    await client.client.send({ text: 'something else' }, deadline())
    await client.events.times('refused', 1)
    const [refused] = client.events.of('refused')
    assert.deepEqual([refused?.sequence, refused?.reason], [1n, 'sequence taken'])
    assert.equal(await client.client.settled(deadline()), 0, 'it is given up')
  })

  it('sends nothing that does not fit the network', async () => {
    const client = await RunningClient.connected(cleanup, net, miner.address, 'carol')
    await client.client.send({ text: '' }, deadline())
    await client.client.send({ text: 'x', data: { long: 'x'.repeat(16_384) } }, deadline())
    assert.deepEqual(
      client.events.of('refused').map(({ sequence, reason }) => [sequence, reason]),
      [
        [undefined, 'bad schema'],
        [undefined, 'too large']
      ]
    )
  })

  it('keeps on disk what nobody has taken, and hands it in when somebody is there', async () => {
    const late = await RunningEqual.start(cleanup, net, { who: 'late' })
    const client = await RunningClient.connected(cleanup, net, late.address, 'dora')
    await late.stop()
    await client.send(3)
    await client.stop()
    assert.equal(client.events.count('accepted'), 0)
    await late.start()
    await client.start()
    await client.events.times('accepted', 3)
    assert.equal(late.controls.status().pool, 3)
  })

  it('turns to the next peer where one is busy, or takes some messages alone', async () => {
    let asked = 0
    const busy = await taking(count => {
      asked += 1
      const later = fates(count, { kind: 'refused', reason: 'busy', detail: 'later' })
      return asked === 1 ? [{ kind: 'accepted' }, ...later.slice(1)] : later
    })
    const client = await RunningClient.connected(cleanup, net, busy, 'erin')
    await client.send(5)
    await client.events.times('warning', 1)
    assert.match(present(client.events.of('warning')[0]).message, /takes no more messages now/)
    client.client.controls.connect([busy, miner.address])
    await client.events.times('accepted', 5)
    assert.equal(await client.client.settled(deadline()), 0)
    assert.ok(client.client.summary().resent >= 4)
  })

  it('takes no word that makes no sense, and turns to the next peer', async () => {
    const nonsense = await taking(() => [{ kind: 'accepted' }, { kind: 'accepted' }, { kind: 'accepted' }])
    const client = await RunningClient.connected(cleanup, net, nonsense, 'frank')
    await client.send(1)
    await client.events.times('warning', 1)
    assert.match(present(client.events.of('warning')[0]).message, /tells of 3 messages, and was given 1/)
    client.client.controls.connect([nonsense, miner.address])
    await client.events.times('accepted', 1)
  })
})
