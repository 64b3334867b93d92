import assert from 'node:assert/strict'
import { signerOf } from '#src/core/keys.js'
import { createSequencer } from '#src/node/sequencer.js'
import { assertBytes } from '../helpers/bytes.js'
import { deadline } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork, nameOf } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'

/** Two machines that take over from each other share the key that signs, and cannot share what they connect by. */
describe('a sequencer that signs by another key than it connects by', () => {
  const cleanup = new Cleanup(afterEach)

  it('is followed and written to, itself and through a follower, and all it signs is by the key of the network', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const machine = await identity('machine')
    const sequencer = await RunningSequencer.start(cleanup, net, { identity: machine })
    assert.ok(sequencer.address.endsWith(`/p2p/${nameOf(machine)}`), sequencer.address)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    const clients = [
      await RunningClient.connected(cleanup, net, sequencer.address, 'alice'),
      await RunningClient.connected(cleanup, net, follower.address, 'bob')
    ]
    for (const client of clients) {
      await client.send(10)
      await client.receipted(10)
    }
    await follower.has(4)
    for (const client of clients) {
      await client.client.settled(deadline())
      await client.client.look(deadline())
      assert.equal(client.client.summary().proved, 10)
      await client.stop()
    }
    for (const { header } of follower.blocks) assertBytes(header.producer, net.sequencer)
    const [theirs, ours] = [await follower.check(), await sequencer.check()]
    assert.deepEqual(theirs.messages, ours.messages)
    assert.deepEqual([ours.height, ours.pending], [4, 0])
  })

  it('goes on with the folder of one that connected by that key', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const before = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, before.address)
    await client.send(8)
    await client.receipted(8)
    await client.stop()
    await before.stop()
    const wishes = { identity: await identity('another machine') }
    const after = await RunningSequencer.start(cleanup, net, wishes, before.folder)
    const late = await RunningClient.connected(cleanup, net, after.address, 'late')
    await late.send(2)
    await late.receipted(2)
    await after.events.times('block', 1)
    assert.deepEqual(
      late.receipts.map(({ position }) => position),
      [8, 9]
    )
    const checked = await after.check()
    assert.deepEqual([checked.height, checked.size], [2, 10])
  })

  it('is refused a signer that the network does not name, whatever it connects by', async () => {
    const net = await makeNetwork()
    const other = await identity('other')
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const options = {
      network: net.network,
      database,
      listen: [],
      now: () => Date.now(),
      report: () => undefined,
      failed: (error: Error) => assert.fail(error),
      openingKeys: [net.openingKey] as const
    }
    for (const peer of [{ key: net.key, signer: signerOf(other) }, { key: other }])
      await assert.rejects(
        createSequencer({ ...options, ...peer }),
        new RegExp(`the key is ${nameOf(other)}, but the network document names ${nameOf(net.key)}`)
      )
    assert.deepEqual(await database.keys().all(), [], 'nothing was written')
  })
})
