import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { toHex, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { readReceipt } from '#src/core/receipt.js'
import { Hello, Notice } from '#src/core/wire/tallystick.js'
import type { Channel } from '#src/network/channel.js'
import { RECEIPTS_PROTOCOL } from '#src/network/names.js'
import { RECEIPT_STREAMS } from '#src/network/stream-options.js'
import { Author } from '../helpers/authors.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'

describe('the receipts protocol', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let sequencer: RunningSequencer
  let alice: Author
  let peer: RawPeer

  beforeEach(async () => {
    net = await makeNetwork()
    sequencer = await RunningSequencer.start(cleanup, net)
    alice = await Author.create(net, 'alice')
    peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
  })

  function openReceipts(from: RawPeer): Promise<Channel> {
    return from.host.open(net.sequencer, RECEIPTS_PROTOCOL, RECEIPT_STREAMS, deadline())
  }

  async function expectServed(): Promise<void> {
    const made = alice.say({ text: 'served' })
    await peer.publish(made.envelope)
    await peer.receiptOf(made.leaf)
    const checked = await sequencer.check()
    assert.equal(checked.pending, 1)
  }

  it('a hello for another network is refused: wrong network; the stream ends', async () => {
    const other = await RawPeer.connect(cleanup, net, sequencer.address, 'other')
    const channel = await openReceipts(other)
    await channel.send(Hello.encode({ network: sha256(utf8('another network')) }), deadline())
    const { refused } = Notice.decode(present(await channel.receive(deadline())))
    assert.equal(refused?.reason, 'wrong network')
    assert.equal(await channel.receive(deadline()), undefined)
    await expectServed()
  })

  it('who ends its side after the hello is told of its messages all the same', async () => {
    const channel = await openReceipts(peer)
    await channel.send(Hello.encode({ network: net.network.id }), deadline())
    assert.ok(Notice.decode(present(await channel.receive(deadline()))).ready)
    await channel.close(deadline())
    const { envelope, leaf } = alice.say({ text: 'after the end of its side' })
    await peer.publish(envelope)
    const { receipt } = Notice.decode(present(await channel.receive(deadline())))
    const { entries } = readReceipt(present(receipt), net.network.id, net.sequencer, new VerifierCache())
    assert.deepEqual(
      entries.map(entry => toHex(entry.leaf)),
      [toHex(leaf)]
    )
  })

  for (const [what, frame] of [
    ['random bytes', randomBytes(50)],
    ['no bytes', new Uint8Array(0)],
    ['more bytes than a notice may have', randomBytes(LIMITS.noticeBytes + 1)]
  ] as const)
    it(`${what} for a hello end the stream, and others are served`, async () => {
      const other = await RawPeer.connect(cleanup, net, sequencer.address, 'other')
      const channel = await openReceipts(other)
      const answer = await channel
        .send(frame, deadline())
        .then(() => channel.receive(deadline()))
        .then(
          bytes => bytes && Notice.decode(bytes).refused?.reason,
          () => undefined
        )
      assert.ok(answer === undefined || answer === 'wrong network')
      await expectServed()
    })

  it('a peer that opens a stream and says nothing keeps nobody waiting', async () => {
    const silent = await RawPeer.connect(cleanup, net, sequencer.address, 'silent')
    const channel = await openReceipts(silent)
    const made = alice.say({ text: 'served' })
    await peer.publish(made.envelope)
    await peer.receiptOf(made.leaf)
    channel.abort(new Error('enough'))
    assert.equal((await sequencer.check()).pending, 1)
  })

  it('of two streams of one peer the later one is told, and the earlier one ends', async () => {
    const later = await openReceipts(peer)
    await later.send(Hello.encode({ network: net.network.id }), deadline())
    assert.ok(Notice.decode(present(await later.receive(deadline()))).ready)
    const made = alice.say({ text: 'told once' })
    await peer.publish(made.envelope)
    assert.ok(Notice.decode(present(await later.receive(deadline()))).receipt)
    assert.deepEqual(peer.receipts, [], 'the earlier one hears nothing')
    assert.equal((await sequencer.check()).pending, 1)
  })

  it('an author who is away is told when its message is sent again', async () => {
    const relay = await RawPeer.connect(cleanup, net, sequencer.address, 'relay')
    const bob = await Author.create(net, 'bob')
    const made = bob.say({ text: 'from afar' })
    await relay.publish(made.envelope)
    // What the relay hands over next is judged next.
    const marker = bob.say({ text: 'x' }, { author: alice.peerId })
    await relay.publish(marker.envelope)
    await relay.refusalOf(marker.leaf)
    const bobsPeer = await RawPeer.connect(cleanup, net, sequencer.address, bob.key)
    await bobsPeer.publish(made.envelope)
    assert.equal((await bobsPeer.receiptOf(made.leaf)).position, 0)
    assert.equal((await sequencer.check()).pending, 1)
  })
})

describe('the places of followers at a sequencer', () => {
  const cleanup = new Cleanup(afterEach)

  it('that strangers of one host have taken, all of them, are given to a member; strangers are refused: busy', async () => {
    const member = await identity('a member')
    const net = await makeNetwork({ members: [member] })
    const { address } = await RunningSequencer.start(cleanup, net)
    const strangers = await Promise.all(
      Array.from({ length: LIMITS.relays }, (_, index) =>
        RawPeer.connect(cleanup, net, address, `stranger ${index}`, true)
      )
    )
    const refusalOf = async (peer: RawPeer): Promise<string | undefined> => {
      const channel = await peer.host.open(net.sequencer, RECEIPTS_PROTOCOL, RECEIPT_STREAMS, deadline())
      await channel.send(Hello.encode({ network: net.network.id, relay: true }), deadline())
      return Notice.decode(present(await channel.receive(deadline()))).refused?.reason
    }
    assert.equal(await refusalOf(await RawPeer.connect(cleanup, net, address, 'late')), 'busy')

    const told = await RawPeer.connect(cleanup, net, address, member, true)
    const evicted = await Promise.any(
      strangers.map(async stranger => {
        await stranger.until('the end of its receipts stream', () => stranger.hasEnded)
        return stranger
      })
    )
    assert.equal(await refusalOf(evicted), 'busy')
    const author = await Author.create(net, 'a member')
    const { envelope, leaf } = author.say({ text: 'told to all' })
    await told.publish(envelope)
    await told.receiptOf(leaf)
    const left = strangers.filter(stranger => stranger !== evicted)
    for (const stranger of left) await stranger.receiptOf(leaf)
    assert.ok(left.every(({ hasEnded }) => !hasEnded))
  })
})
