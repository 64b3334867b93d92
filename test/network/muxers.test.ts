import assert from 'node:assert/strict'
import { Host } from '#src/network/host.js'
import { NodeQueries } from '#src/query/node-queries.js'
import { deadline } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'

for (const muxer of ['yamux', 'mplex'] as const)
  describe(`With ${muxer} alone`, () => {
    const cleanup = new Cleanup(afterEach)

    it('queries in a burst are all answered, on one connection', async () => {
      const net = await makeNetwork()
      const sequencer = await RunningSequencer.start(cleanup, net)
      const host = await Host.create({
        key: await identity('reader'),
        listen: [],
        topics: [],
        muxers: [muxer]
      })
      await host.start()
      cleanup.add(() => host.stop())
      const peer = await host.connect(sequencer.address, deadline())
      let isConnected = true
      const ended = host.whenDisconnected(peer, deadline()).then(() => {
        isConnected = false
      })
      const asker = new NodeQueries(host, peer, net.network.id)
      for (let round = 0; round < 40; round += 1)
        await Promise.all(Array.from({ length: 8 }, () => asker.node()))
      assert.ok(isConnected)
      host.disconnect(peer, 'done')
      await ended
    })

    it('messages by the hundred are receipted, and blocks are gossiped, through a follower as well', async () => {
      const net = await makeNetwork({ blockSize: 20 })
      const sequencer = await RunningSequencer.start(cleanup, net)
      const wishes = { muxers: [muxer] }
      const follower = await RunningFollower.start(cleanup, net, [sequencer.address], 'follower', wishes)
      const clients = [
        await RunningClient.connected(cleanup, net, sequencer.address, 'client', wishes),
        await RunningClient.connected(cleanup, net, follower.address, 'client behind', wishes)
      ]
      await Promise.all(clients.map(client => client.send(100)))
      await Promise.all(clients.map(client => client.receipted(100)))
      await follower.has(10)
      for (const peer of [...clients, follower]) assert.equal(peer.events.count('disconnected'), 0)
      await follower.check()
      await sequencer.check()
    })
  })
