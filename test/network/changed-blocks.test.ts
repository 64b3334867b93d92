import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type Block, encodeBlock } from '#src/core/block.js'
import { signEnvelope } from '#src/core/envelope.js'
import { signerOf } from '#src/core/keys.js'
import { Host } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { Author } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { ForkMaker } from '../helpers/fork-maker.js'
import { identity, makeNetwork, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningFollower, type RunningPeer } from '../helpers/peers.js'
import { RunningEqual } from '../helpers/running-equal.js'

const INVALID = { perSecond: 0.0001, burst: 5 }

describe('A peer that goes on sending other messages under the true header of a block', () => {
  const cleanup = new Cleanup(afterEach)

  for (const [where, height] of [
    ['below the head', 1],
    ['at the head', 3],
    ['far ahead of it', 9]
  ] as const) {
    it(`${where} is disconnected by a follower`, async () => {
      const net = await makeNetwork({ blockSize: 5 })
      const follower = await RunningFollower.start(cleanup, net, [], 'follower', {
        rates: { invalid: INVALID }
      })
      const maker = new ChainMaker(net)
      maker.addAll((await Author.create(net, 'alice')).says(50))
      await expectSentAway(net, follower, maker.blocks, height)
    })

    it(`${where} is disconnected by a peer among equals`, async () => {
      const net = await makeWorkNetwork({})
      const equal = await RunningEqual.start(cleanup, net, { rates: { invalid: INVALID } })
      const maker = await ForkMaker.create(net)
      await expectSentAway(net, equal, maker.makeAll('a', 10), height)
    })
  }

  /** The first three blocks, and the true one, are no fault. */
  async function expectSentAway(
    net: TestNetwork,
    victim: RunningPeer,
    blocks: readonly Block[],
    height: number
  ): Promise<void> {
    const topic = topicsOf(net.network.id).blocks
    const key = await identity('mallory')
    const signer = signerOf(key)
    const mallory = await Host.create({ key, listen: [], topics: [topic] })
    await mallory.start()
    cleanup.add(() => mallory.stop())
    const peer = await mallory.connect(victim.address, deadline())
    await mallory.whenSubscribed(topic, peer, deadline())
    for (const [index, block] of blocks.slice(0, 3).entries()) {
      await mallory.publish(topic, encodeBlock(block))
      await victim.events.times('block', index + 1)
    }
    const { signed, envelopes } = present(blocks[height - 1])
    if (height > 3) await mallory.publish(topic, encodeBlock({ signed, envelopes }))
    for (let sent = 0; sent <= INVALID.burst; sent += 1) {
      assert.equal(mallory.peers().length, 1)
      const other = signEnvelope('message', randomBytes(100), signer)
      await mallory.publish(topic, encodeBlock({ signed, envelopes: [...envelopes, other] }))
    }
    const signal = deadline()
    await mallory.whenDisconnected(peer, signal)
    signal.throwIfAborted()
  }
})
