import assert from 'node:assert/strict'
import { decodeAnswer, encodeAnswer } from '#src/core/answer.js'
import { signerOf } from '#src/core/keys.js'
import { decodeQuery } from '#src/core/query.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { BlockQueries } from '#src/query/block-queries.js'
import { NotFound } from '#src/query/query-errors.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { SequencerQueries } from '#src/query/sequencer-queries.js'
import { assertBytes } from '../helpers/bytes.js'
import { sealingKeyOf } from '../helpers/certificates.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'

describe('followers', () => {
  const cleanup = new Cleanup(afterEach)

  it('catch up from nothing, follow as blocks are cut, and hold the same chain byte for byte', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(30)
    await sequencer.events.times('block', 6)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    await follower.has(6)
    await client.send(10)
    assertBytes((await follower.has(8)).envelope, present(sequencer.blocks[7]).envelope, 'the head')
    await client.stop()
    const [theirs, ours] = [await follower.check(), await sequencer.check()]
    assert.deepEqual(theirs.messages, ours.messages)
    assert.deepEqual(theirs.headers, ours.headers)
  })

  it('answer queries as the sequencer does', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(12)
    await client.receipted(12)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    await follower.has(2)
    const reader = await Host.create({ key: await identity('reader'), listen: [], topics: [] })
    await reader.start()
    cleanup.add(() => reader.stop())
    const peer = await reader.connect(follower.address, deadline())
    const asker = new BlockQueries(reader, peer, net.rules, () => Date.now())
    assert.equal((await asker.head()).signed.header.height, 2)
    assert.equal((await asker.blockAt(1)).envelopes.length, 5)
    assert.equal((await asker.inclusion({ position: 7 })).signed.header.height, 2)
    assert.equal((await sealingKeyOf(new SequencerQueries(reader, peer, net.network), net)).keyId.length, 8)
    const [one, two] = sequencer.blocks.map(({ header }) => header)
    await asker.consistency(present(one), present(two))
  })

  it('give the receipt of a message to whoever asks, through another follower as well; without a way to the sequencer they say so', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address, 'alice')
    await client.send(7)
    await client.receipted(7)
    const { peerId } = signerOf(await identity('alice'))
    const near = await RunningFollower.start(cleanup, net, [sequencer.address], 'near')
    const far = await RunningFollower.start(cleanup, net, [near.address], 'far')
    const reader = await Host.create({ key: await identity('reader'), listen: [], topics: [] })
    await reader.start()
    cleanup.add(() => reader.stop())
    const askerAt = async (address: string): Promise<SequencerQueries> =>
      new SequencerQueries(reader, await reader.connect(address, deadline()), net.network)
    const theirs = await askerAt(sequencer.address)
    for (const { address, events } of [near, far]) {
      await events.times('connected', 1)
      const asker = await askerAt(address)
      // One in a block, and one that waits for it.
      for (const sequence of [1n, 7n]) {
        const { envelope } = await asker.signedReceipt(peerId, sequence)
        assertBytes(envelope, (await theirs.signedReceipt(peerId, sequence)).envelope)
      }
      await assert.rejects(asker.receipt(peerId, 8n), NotFound)
    }
    await sequencer.stop()
    await near.events.times('warning', 1)
    const asker = await askerAt(near.address)
    await assert.rejects(asker.receipt(peerId, 1n), {
      name: 'QueryRefused',
      message: /no way to the sequencer/
    })
  })

  it('pass messages to the sequencer and receipts back, through another follower as well', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const near = await RunningFollower.start(cleanup, net, [sequencer.address], 'near')
    const far = await RunningFollower.start(cleanup, net, [near.address], 'far')
    const [alice, bob] = await Promise.all([
      RunningClient.connected(cleanup, net, near.address, 'alice'),
      RunningClient.connected(cleanup, net, far.address, 'bob')
    ])
    await Promise.all([alice.send(10), bob.send(10)])
    await Promise.all([alice.receipted(10), bob.receipted(10)])
    await far.has(4)
    assert.deepEqual((await sequencer.check()).height, 4)
  })

  it('pass refusals back to the author they concern', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    const first = await RunningClient.connected(cleanup, net, follower.address, 'alice')
    const other = await RunningClient.connected(cleanup, net, follower.address, 'bob')
    await first.send(1, 'first')
    await first.receipted(1)
    await first.stop()
    // The same key on an empty folder uses the same sequence for another body.
    const again = await RunningClient.connected(cleanup, net, follower.address, 'alice')
    await again.send(1, 'second')
    await again.events.times('refused', 1)
    assert.equal(present(again.events.of('refused')[0]).reason, 'sequence taken')
    assert.equal(other.events.count('refused'), 0)
  })

  it('send their clients away while the sequencer is gone, and serve them when it is back', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    const client = await RunningClient.connected(cleanup, net, follower.address)
    await client.send(3)
    await client.receipted(3)
    await sequencer.stop()
    await client.alone()
    await client.send(2)
    await sequencer.start()
    await client.receipted(5)
    await follower.has(1)
  })

  it('ask a neighbour that serves altered blocks no more, and get them from another one', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    await client.send(200)
    await sequencer.events.times('block', 40)
    const truth = await RawPeer.connect(cleanup, net, sequencer.address, await identity('reader'))
    const liar = await Host.create({
      key: await identity('mallory'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: []
    })
    await liar.serve(QUERY_PROTOCOL, QUERY_STREAMS, async channel => {
      const frame = present(await channel.receive(deadline()))
      const { query } = decodeQuery(frame)
      for (const answer of (await truth.rawQuery(frame)).map(decodeAnswer)) {
        const block = answer.kind === 'block' ? Uint8Array.from(answer.block) : undefined
        // The last byte of the last message's signature.
        if (block !== undefined && query.kind === 'range') block[block.length - 1] = 255 - (block.at(-1) ?? 0)
        await channel.send(
          encodeAnswer(answer.kind === 'block' && block ? { ...answer, block } : answer),
          deadline()
        )
      }
      await channel.close(deadline())
    })
    await liar.start()
    cleanup.add(() => liar.stop())
    const follower = await RunningFollower.start(cleanup, net, [
      present(liar.addresses()[0]),
      sequencer.address
    ])
    await follower.has(40)
    assert.equal((await follower.check()).height, 40)
  })

  it('go on where they were after a restart', async () => {
    const net = await makeNetwork({ blockSize: 5 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    await client.send(10)
    await follower.has(2)
    await follower.stop()
    await client.send(20)
    await sequencer.events.times('block', 6)
    await follower.start()
    await follower.has(6)
    assert.deepEqual(
      follower.blocks.map(({ header }) => header.height),
      [1, 2, 3, 4, 5, 6]
    )
  })
})
