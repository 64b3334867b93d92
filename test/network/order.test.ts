import assert from 'node:assert/strict'
import { decodeBlockParts, readSignedHeader } from '#src/core/block.js'
import { toHex } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { leafHash } from '#src/core/merkle.js'
import { Author, envelopesOf, type Made } from '../helpers/authors.js'
import { assertBytes } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { expectReceiptsHold } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type NetworkWishes, secp256k1Identity, type TestNetwork } from '../helpers/networks.js'
import { RunningClient, RunningSequencer, type SequencerWishes } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'
import type { StoredMessage } from '../helpers/raw-tables.js'

function leavesOf(messages: readonly (Made | StoredMessage)[]): string[] {
  return messages.map(({ leaf }) => toHex(leaf))
}

function countsOf({ blocks }: RunningSequencer): number[] {
  return blocks.map(({ header }) => header.count)
}

describe('order and blocks', () => {
  const cleanup = new Cleanup(afterEach)

  async function setUp(
    wishes: NetworkWishes = {},
    peerWishes: SequencerWishes = {}
  ): Promise<{ net: TestNetwork; sequencer: RunningSequencer }> {
    const net = await makeNetwork(wishes)
    return { net, sequencer: await RunningSequencer.start(cleanup, net, peerWishes) }
  }

  async function clients(
    count: number,
    net: TestNetwork,
    sequencer: RunningSequencer
  ): Promise<RunningClient[]> {
    return Promise.all(
      Array.from({ length: count }, (_, index) =>
        RunningClient.connected(cleanup, net, sequencer.address, `client ${index}`)
      )
    )
  }

  it('positions follow the order in a bundle, whoever its authors are', async () => {
    const { net, sequencer } = await setUp()
    const authors = await Promise.all(['a', 'b', 'c', 'd'].map(name => Author.create(net, name)))
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, present(authors[0]).key)
    const messages = Array.from({ length: 80 }, (_, index) =>
      present(authors[(index * index) % authors.length]).say({ text: `message ${index}` })
    )
    await peer.publish(...envelopesOf(messages))
    await peer.receipted(messages.filter(({ author }) => author === authors[0]?.peerId).length)
    const checked = await sequencer.check()
    assert.deepEqual(leavesOf(checked.messages), leavesOf(messages))
  })

  it('positions follow the order of arrival, though some messages take far longer to validate', async () => {
    const { net, sequencer } = await setUp({ blockSize: 50 })
    // A signature by secp256k1 costs ten times and more what one by Ed25519 does.
    const quick = await Author.create(net, 'quick')
    const slow = await Author.create(net, await secp256k1Identity())
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, quick.key)
    const messages: Made[] = []
    for (let bundle = 0; bundle < 60; bundle += 1) {
      const made =
        bundle % 3 === 0
          ? Array.from({ length: 8 }, () => slow.say({ text: 'x'.repeat(5000) }))
          : quick.says(1 + (bundle % 4))
      messages.push(...made)
      await peer.publish(...envelopesOf(made))
    }
    await peer.receipted(messages.filter(({ author }) => author === quick.peerId).length)
    const checked = await sequencer.check()
    assert.deepEqual(leavesOf(checked.messages), leavesOf(messages))
  })

  it("each client's messages stand in the order in which it sent them, while several send at once", async () => {
    const { net, sequencer } = await setUp({ blockSize: 64 })
    const senders = await clients(4, net, sequencer)
    await Promise.all(senders.map(sender => sender.send(150)))
    await Promise.all(senders.map(sender => sender.receipted(150)))
    const checked = await sequencer.check()
    assert.equal(checked.messages.length, 600)
    for (const sender of senders) {
      const author = toHex(sender.peerId)
      const sequences = checked.messages
        .filter(message => message.author === author)
        .map(message => message.sequence)
      assert.deepEqual(
        sequences,
        Array.from({ length: 150 }, (_, index) => BigInt(index + 1))
      )
      expectReceiptsHold(checked, sender.receipts)
    }
  })

  it('99 messages make no block, and one more makes one of exactly 100', async () => {
    const { net, sequencer } = await setUp()
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, 'alice')
    const alice = await Author.create(net, 'alice')
    await peer.publish(...envelopesOf(alice.says(99)))
    await peer.receipted(99)
    const before = await peer.asker.status()
    assert.deepEqual([before.height, before.size, before.pending], [0, 0, 99])
    assert.deepEqual(sequencer.blocks, [])
    await peer.publish(alice.say({ text: 'the hundredth' }).envelope)
    await sequencer.events.times('block', 1)
    const after = await peer.asker.status()
    assert.deepEqual([after.height, after.size, after.pending], [1, 100, 0])
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [1, 100, 0])
  })

  it('99 messages are 99 messages after a restart, and one more makes the block', async () => {
    const { net, sequencer } = await setUp()
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    await peer.publish(...envelopesOf(alice.says(99)))
    await peer.receipted(99)
    await sequencer.restart()
    const again = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    assert.equal((await again.asker.status()).pending, 99)
    await again.publish(alice.say({ text: 'the hundredth' }).envelope)
    await sequencer.events.times('block', 1)
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [1, 100, 0])
  })

  it('a bundle that reaches over several blocks is cut at exactly the block size', async () => {
    const { net, sequencer } = await setUp({ blockSize: 100 })
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const messages = alice.says(250)
    await peer.publish(...envelopesOf(messages))
    await peer.receipted(250)
    await sequencer.events.times('block', 2)
    assert.deepEqual(countsOf(sequencer), [100, 100])
    const checked = await sequencer.check()
    assert.equal(checked.pending, 50)
    assert.deepEqual(leavesOf(checked.messages), leavesOf(messages))
  })

  it('messages that arrive at once around the hundredth make blocks of 100, none lost, none of 101', async () => {
    const { net, sequencer } = await setUp({ blockSize: 100 })
    const senders = await clients(10, net, sequencer)
    await Promise.all(senders.map(sender => sender.send(9)))
    await Promise.all(senders.map(sender => sender.receipted(9)))
    assert.deepEqual(countsOf(sequencer), [])
    // Ninety are pending; these come while the block is cut.
    await Promise.all(senders.map(sender => sender.send(12)))
    await Promise.all(senders.map(sender => sender.receipted(21)))
    await sequencer.events.times('block', 2)
    assert.deepEqual(countsOf(sequencer), [100, 100])
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [2, 200, 10])
    for (const sender of senders) expectReceiptsHold(checked, sender.receipts)
  })

  it('many small blocks under concurrent arrival all have their exact size, and nothing is lost', async () => {
    const { net, sequencer } = await setUp({ blockSize: 7 })
    const senders = await clients(6, net, sequencer)
    await Promise.all(senders.map(sender => sender.send(80)))
    await Promise.all(senders.map(sender => sender.receipted(80)))
    await sequencer.events.times('block', 68)
    assert.deepEqual(new Set(countsOf(sequencer)), new Set([7]))
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.pending], [68, 480 - 7 * 68])
    for (const sender of senders) expectReceiptsHold(checked, sender.receipts)
  })

  it('every block is published whole on the blocks topic, after it is on disk', async () => {
    const { net, sequencer } = await setUp({ blockSize: 5 })
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const messages = alice.says(15)
    for (const { envelope } of messages) await peer.publish(envelope)
    await peer.until('3 blocks', () => peer.blocks.length === 3)
    const checked = await sequencer.check()
    for (const [index, bytes] of peer.blocks.entries()) {
      const { header, envelopes, document } = decodeBlockParts(bytes)
      const read = readSignedHeader(header, new VerifierCache())
      assert.ok(read.ok)
      assertBytes(read.signed.id, present(checked.headers[index]).id)
      assert.equal(document.length, 0)
      assert.deepEqual(
        envelopes.map(envelope => toHex(leafHash(envelope))),
        leavesOf(messages.slice(5 * index, 5 * index + 5))
      )
    }
  })

  it('a block timeout cuts a shorter block of what is pending, and full blocks stay full', async () => {
    const { net, sequencer } = await setUp({ blockSize: 10, blockTimeout: 50 })
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    await peer.publish(...envelopesOf(alice.says(3)))
    await sequencer.events.times('block', 1)
    await peer.publish(...envelopesOf(alice.says(14)))
    await sequencer.events.times('block', 3)
    assert.deepEqual(countsOf(sequencer), [3, 10, 4])
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [3, 17, 0])
  })

  it('what was pending at a restart is cut by the block timeout as well', async () => {
    const { net, sequencer } = await setUp({ blockSize: 10, blockTimeout: 1500 })
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    await peer.publish(...envelopesOf(alice.says(4)))
    await peer.receipted(4)
    await sequencer.restart()
    await sequencer.events.times('block', 1)
    assert.deepEqual(countsOf(sequencer), [4])
    await sequencer.check()
  })

  it("the time of a header never goes back, though the sequencer's clock does, also over a restart", async () => {
    const clock = { now: 2_000_000_000_000 }
    const { net, sequencer } = await setUp({ blockSize: 2 }, { now: () => clock.now })
    const alice = await Author.create(net, 'alice')
    const times = async (moments: readonly number[]): Promise<number[]> => {
      const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
      for (const moment of moments) {
        clock.now = moment
        const count = sequencer.blocks.length + 1
        await peer.publish(...envelopesOf(alice.says(2)))
        await sequencer.events.times('block', count)
      }
      return sequencer.blocks.slice(-moments.length).map(({ header }) => header.time)
    }
    assert.deepEqual(
      await times([2_000_000_000_000, 1_000_000_000_000, 0, 2_000_000_000_001]),
      [2_000_000_000_000, 2_000_000_000_000, 2_000_000_000_000, 2_000_000_000_001]
    )
    clock.now = 5
    await sequencer.restart()
    assert.deepEqual(await times([5, 3_000_000_000_000]), [2_000_000_000_001, 3_000_000_000_000])
    const checked = await sequencer.check()
    assert.equal(checked.height, 6)
  })

  it('with its clock set back by months it waits for its timeout, and does not spin', async () => {
    const clock = { now: 2_000_000_000_000 }
    const { net, sequencer } = await setUp({ blockSize: 5, blockTimeout: 1000 }, { now: () => clock.now })
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const warnings: Error[] = []
    const hear = (warning: Error): number => warnings.push(warning)
    process.on('warning', hear)
    cleanup.add(async () => {
      process.off('warning', hear)
    })
    await peer.publish(alice.say({ text: 'before' }).envelope)
    await peer.receipted(1)
    clock.now -= 60 * 86_400_000
    await peer.publish(alice.say({ text: 'after' }).envelope)
    await peer.receipted(2)
    // Node runs a timer of more than 2^31 ms after 1 ms, again and again.
    assert.deepEqual(
      warnings.map(({ name }) => name),
      []
    )
    await peer.publish(...envelopesOf(alice.says(3)))
    await sequencer.events.times('block', 1)
    assert.deepEqual(countsOf(sequencer), [5])
    await sequencer.check()
  })
})
