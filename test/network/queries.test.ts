import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { genesisCursor } from '#src/chain/cursor.js'
import { type Answer, decodeAnswer } from '#src/core/answer.js'
import { decodeBlockParts } from '#src/core/block.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { LIMITS } from '#src/core/limits.js'
import { EMPTY_ROOT, verifyConsistency, verifyInclusion } from '#src/core/merkle.js'
import { encodeQuery } from '#src/core/query.js'
import { QueryRequest } from '#src/core/wire/tallystick.js'
import type { Channel } from '#src/network/channel.js'
import { NodeQueries } from '#src/query/node-queries.js'
import { NotFound, QueryRefused } from '#src/query/query-errors.js'
import { Author, envelopesOf, type Made } from '../helpers/authors.js'
import { assertBytes } from '../helpers/bytes.js'
import { sealingKeyOf } from '../helpers/certificates.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { RawPeer } from '../helpers/raw-peer.js'

describe('queries', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let sequencer: RunningSequencer
  let peer: RawPeer
  let alice: Author
  let messages: Made[]

  // Ten messages in three blocks, one pending.
  before(async () => {
    net = await makeNetwork({ blockSize: 3 })
    sequencer = await RunningSequencer.start(cleanup, net)
    alice = await Author.create(net, 'alice')
    peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    messages = alice.says(10)
    await peer.publish(...envelopesOf(messages))
    await peer.receipted(10)
    await sequencer.events.times('block', 3)
  })

  async function onlyAnswer(frame: Uint8Array): Promise<Answer> {
    const answers = await peer.rawQuery(frame)
    assert.equal(answers.length, 1)
    return decodeAnswer(present(answers[0]))
  }

  async function expectNotFound(asked: Promise<unknown>): Promise<void> {
    await assert.rejects(asked, error => error instanceof NotFound && error.message !== '')
  }

  it('status: the count of blocks is the height; size, pending and the head go with it', async () => {
    const { height, size, pending, head } = await peer.asker.status()
    assert.deepEqual({ height, size, pending }, { height: 3, size: 9, pending: 1 })
    assertBytes(head, present(sequencer.blocks.at(-1)).id)
  })

  it('head: the newest block, whole', async () => {
    const { signed, envelopes } = await peer.asker.head()
    assertBytes(signed.id, present(sequencer.blocks.at(-1)).id)
    assert.deepEqual(envelopes.map(toHex), envelopesOf(messages.slice(6, 9)).map(toHex))
  })

  it('node: what the sequencer says of itself, and who is connected to it', async () => {
    const info = await new NodeQueries(peer.host, peer.peer, net.network.id).node()
    assertBytes(info.peerId, net.sequencer)
    const { role, addresses, isMining, pool } = info
    assert.deepEqual(
      { role, addresses, isMining, pool },
      { role: 'sequencer', addresses: [sequencer.address], isMining: false, pool: 1 }
    )
    assert.deepEqual(
      info.peers.map(({ peerId, isConnected }) => [toHex(peerId), isConnected]),
      [[toHex(peer.peerId), true]]
    )
  })

  it('status: a chain of a sequencer weighs as many as it has blocks', async () => {
    assert.deepEqual(await peer.asker.claimedHead(), {
      height: 3,
      id: present(sequencer.blocks.at(-1)).id,
      weight: 3n
    })
  })

  it('headers, in pages and one by one by their ids, and blocks by their ids', async () => {
    const ids = sequencer.blocks.map(({ id }) => id)
    const headers: string[] = []
    for await (const { id } of peer.asker.headers(1, 10)) headers.push(toHex(id))
    assert.deepEqual(headers, ids.map(toHex))
    const blocks: string[] = []
    for await (const { signed } of peer.asker.blocksById(ids.toReversed())) blocks.push(toHex(signed.id))
    assert.deepEqual(blocks, ids.toReversed().map(toHex))
    for (const id of ids) assertBytes((await peer.asker.headerById(id)).id, id)
    await expectNotFound(peer.asker.headerById(sha256(utf8('nothing'))))
  })

  it('mine, shutdown and offers are nothing for a sequencer', async () => {
    const asker = new NodeQueries(peer.host, peer.peer, net.network.id)
    const claim = { height: 9, id: net.network.id, weight: 9n }
    for (const asked of [asker.mine(1), asker.shutdown(), asker.offer(claim)])
      await assert.rejects(asked, error => error instanceof QueryRefused && error.reason === 'not served')
  })

  it('a block by its height, from the genesis to the head', async () => {
    for (const height of [1, 2, 3]) {
      const { signed, envelopes } = await peer.asker.blockAt(height)
      assertBytes(signed.id, present(sequencer.blocks[height - 1]).id)
      assert.deepEqual(
        envelopes.map(toHex),
        envelopesOf(messages.slice(3 * height - 3, 3 * height)).map(toHex)
      )
    }
    const genesis = await peer.asker.blockAt(0)
    assertBytes(genesis.signed.id, genesisCursor(net.rules).signed.id)
    assert.deepEqual([genesis.signed.header.size, genesis.envelopes.length], [0, 0])
  })

  it('block 0 carries the network document', async () => {
    const answer = await onlyAnswer(encodeQuery(net.network.id, { kind: 'height', height: 0 }))
    assert.ok(answer.kind === 'block')
    const { document, envelopes } = decodeBlockParts(answer.block)
    assertBytes(document, net.network.canonical)
    assert.deepEqual(envelopes, [])
  })

  for (const height of [4, 1_000_000, Number.MAX_SAFE_INTEGER])
    it(`a block at height ${height} is not found`, () => expectNotFound(peer.asker.blockAt(height)))

  it('a block by its id, and the genesis by its id', async () => {
    for (const { id } of sequencer.blocks) assertBytes((await peer.asker.blockById(id)).signed.id, id)
    const genesis = genesisCursor(net.rules).signed.id
    assertBytes((await peer.asker.blockById(genesis)).signed.id, genesis)
  })

  it('an id that no block has is not found, be it a leaf or a root', async () => {
    const { root } = present(sequencer.blocks[0]).header
    for (const id of [sha256(utf8('nothing')), present(messages[0]).leaf, root])
      await expectNotFound(peer.asker.blockById(id))
  })

  it('previous leads from the head back to the genesis, which has none', async () => {
    const heights: number[] = []
    let { signed } = await peer.asker.head()
    while (signed.header.height > 0) {
      signed = (await peer.asker.previous(signed.id)).signed
      heights.push(signed.header.height)
    }
    assert.deepEqual(heights, [2, 1, 0])
    assertBytes(signed.id, genesisCursor(net.rules).signed.id)
    await expectNotFound(peer.asker.previous(signed.id))
  })

  it('previous of an id that no block has is not found', () =>
    expectNotFound(peer.asker.previous(sha256(utf8('nothing')))))

  it('every message in a block has an inclusion proof by its position and by its leaf', async () => {
    for (const [position, { leaf }] of messages.slice(0, 9).entries())
      for (const of of [{ position }, { leaf }]) {
        const proof = await peer.asker.inclusion(of)
        const { header } = proof.signed
        assert.equal(proof.position, position)
        assertBytes(proof.leaf, leaf)
        assert.equal(header.height, Math.floor(position / 3) + 1)
        assert.ok(verifyInclusion(leaf, position, header.size, proof.path, header.log))
      }
  })

  it('a pending message has no inclusion proof yet, nor has a position or leaf beyond', async () => {
    await expectNotFound(peer.asker.inclusion({ position: 9 }))
    await expectNotFound(peer.asker.inclusion({ leaf: present(messages[9]).leaf }))
    await expectNotFound(peer.asker.inclusion({ position: 10 }))
    await expectNotFound(peer.asker.inclusion({ position: Number.MAX_SAFE_INTEGER }))
    await expectNotFound(peer.asker.inclusion({ leaf: sha256(utf8('nothing')) }))
  })

  it('any two sizes have a consistency proof, the empty log and one size twice among them', async () => {
    const heads = [{ size: 0, log: EMPTY_ROOT }, ...sequencer.blocks.map(({ header }) => header)]
    for (const [index, earlier] of heads.entries())
      for (const later of heads.slice(index)) {
        const path = await peer.asker.consistency(earlier, later)
        assert.ok(verifyConsistency(earlier.size, earlier.log, later.size, later.log, path))
      }
  })

  it('a consistency proof to a size that the log has not reached, or backwards, is not found', async () => {
    const head = present(sequencer.blocks.at(-1)).header
    await expectNotFound(peer.asker.consistency(head, { size: 10, log: head.log }))
    const backwards = await onlyAnswer(encodeQuery(net.network.id, { kind: 'consistency', from: 6, to: 3 }))
    assert.equal(backwards.kind, 'notFound')
  })

  it('the encryption key comes with a certificate of the sequencer', async () => {
    const key = await sealingKeyOf(peer.sequencerAsker, net)
    assertBytes(key.publicKey, net.openingKey.publicKey)
  })

  it('a query is answered whose stream ends behind it on the side of who asks', async () => {
    const channel = await peer.openQuery()
    await channel.send(encodeQuery(net.network.id, { kind: 'status' }), deadline())
    await channel.close(deadline())
    assert.equal(decodeAnswer(present(await channel.receive(deadline()))).kind, 'status')
    assert.equal(await channel.receive(deadline()), undefined)
  })

  it('the receipt of a message is given to whoever asks, pending or in a block', async () => {
    for (const [position, { sequence, leaf }] of messages.entries()) {
      const receipt = await peer.sequencerAsker.receipt(alice.peerId, sequence)
      const entry = present(receipt.entries.find(found => found.sequence === sequence))
      assert.equal(entry.position, position)
      assertBytes(entry.leaf, leaf)
    }
  })

  it('there is no receipt for a sequence or an author that nobody has seen', async () => {
    const stranger = await Author.create(net, 'stranger')
    await expectNotFound(peer.sequencerAsker.receipt(alice.peerId, 11n))
    await expectNotFound(peer.sequencerAsker.receipt(alice.peerId, 2n ** 64n - 1n))
    await expectNotFound(peer.sequencerAsker.receipt(stranger.peerId, 1n))
    await expectNotFound(peer.sequencerAsker.receipt(alice.peerId.subarray(0, 20) as typeof alice.peerId, 1n))
  })

  it('the chain after any block comes in order and ends at the head', async () => {
    const genesis = genesisCursor(net.rules)
    const heights: number[] = []
    for await (const { block, cursor } of peer.asker.chainAfter(genesis)) {
      heights.push(block.signed.header.height)
      if (heights.length === 1) {
        const rest: number[] = []
        for await (const later of peer.asker.chainAfter(cursor)) rest.push(later.block.signed.header.height)
        assert.deepEqual(rest, [2, 3])
      }
    }
    assert.deepEqual(heights, [1, 2, 3])
  })

  it('a range ends where the reader said, and tells where to go on', async () => {
    const answers = await peer.rawQuery(encodeQuery(net.network.id, { kind: 'range', from: 1, limit: 2 }))
    const last = decodeAnswer(present(answers.at(-1)))
    assert.equal(answers.length, 3)
    assert.ok(last.kind === 'done')
    assert.equal(last.next, 3)
  })

  for (const [from, limit] of [
    [4, 10],
    [Number.MAX_SAFE_INTEGER, 10]
  ] as const)
    it(`a range of ${limit} blocks from ${from} on is not found`, async () => {
      const answer = await onlyAnswer(encodeQuery(net.network.id, { kind: 'range', from, limit }))
      assert.equal(answer.kind, 'notFound')
    })

  it('query streams on which nothing is asked keep nobody out', async () => {
    const silent = await Promise.all(
      Array.from({ length: 9 }, (_, index) =>
        RawPeer.connect(cleanup, net, sequencer.address, `silent ${index}`)
      )
    )
    for (const each of silent) for (let stream = 0; stream < 32; stream += 1) await each.openQuery()
    const [answer] = await peer.rawQuery(encodeQuery(net.network.id, { kind: 'status' }))
    assert.equal(decodeAnswer(present(answer)).kind, 'status')
  })

  it('a range of no blocks is not found: who goes on page by page would ask for ever', async () => {
    const answer = await onlyAnswer(encodeQuery(net.network.id, { kind: 'range', from: 1, limit: 0 }))
    assert.equal(answer.kind, 'notFound')
  })

  it('a query for another network is refused', async () => {
    const answer = await onlyAnswer(encodeQuery(sha256(utf8('another network')), { kind: 'status' }))
    assert.ok(answer.kind === 'refused')
    assert.equal(answer.reason, 'wrong network')
  })

  const hash = new Uint8Array(32)
  const garbage: readonly (readonly [string, () => Uint8Array])[] = [
    ['random bytes', () => randomBytes(100)],
    ['no bytes', () => new Uint8Array(0)],
    ['a query that asks nothing', () => QueryRequest.encode({ network: hash })],
    [
      'a query with a short network id',
      () => QueryRequest.encode({ network: new Uint8Array(31), status: {} })
    ],
    ['a query by an id of 31 bytes', () => QueryRequest.encode({ network: hash, id: new Uint8Array(31) })],
    [
      'a query with a field behind its end',
      () => Buffer.concat([encodeQuery(net.network.id, { kind: 'status' }), Uint8Array.of(0x78, 1)])
    ],
    [
      'a query that asks two things',
      () => Buffer.concat([encodeQuery(net.network.id, { kind: 'status' }), Uint8Array.of(0x1a, 0)])
    ],
    [
      'a height beyond what a number holds',
      () =>
        Buffer.concat([
          QueryRequest.encode({ network: net.network.id }),
          Buffer.from('20ffffffffffffffffff01', 'hex')
        ])
    ]
  ]
  for (const [what, make] of garbage)
    it(`${what} on a query stream is refused: bad encoding`, async () => {
      const answer = await onlyAnswer(make())
      assert.ok(answer.kind === 'refused')
      assert.equal(answer.reason, 'bad encoding')
    })

  it('a query longer than any query is not read: its stream is ended, and others are served', async () => {
    await assert.rejects(async () => {
      const answers = await peer.rawQuery(randomBytes(LIMITS.queryBytes + 1))
      if (answers.length === 0) throw new Error('ended without an answer')
    })
    assert.equal((await peer.asker.status()).height, 3)
  })

  it('a peer that opens query streams and says nothing keeps nobody waiting', async () => {
    const silent = await RawPeer.connect(cleanup, net, sequencer.address, 'silent')
    const channels: Channel[] = []
    for (let count = 0; count < LIMITS.queryStreams; count += 1) channels.push(await silent.openQuery())
    assert.equal((await peer.asker.status()).height, 3)
    assert.equal((await peer.asker.head()).signed.header.height, 3)
    for (const channel of channels) channel.abort(new Error('enough'))
  })

  it('a peer with all its query streams open gets no more, and is served again once it has ended them', async () => {
    const greedy = await RawPeer.connect(cleanup, net, sequencer.address, 'greedy')
    const channels: Channel[] = []
    for (let count = 0; count < LIMITS.queryStreams; count += 1) channels.push(await greedy.openQuery())
    await assert.rejects(greedy.asker.status())
    assert.equal((await peer.asker.status()).height, 3, 'others are served')
    for (const channel of channels) await channel.close(deadline())
    // The sequencer ends its side of each once it has seen the end of ours.
    for (const channel of channels) assert.equal(await channel.receive(deadline()), undefined)
    assert.equal((await greedy.asker.status()).height, 3)
  })

  it('a hundred queries at once are all answered', async () => {
    const askers = await Promise.all(
      ['a', 'b', 'c', 'd'].map(name => RawPeer.connect(cleanup, net, sequencer.address, `asker ${name}`))
    )
    const answers = await Promise.all(
      askers.flatMap(({ asker }) => Array.from({ length: 25 }, () => asker.blockAt(2)))
    )
    for (const { signed } of answers) assertBytes(signed.id, present(sequencer.blocks[1]).id)
  })

  it('after all of them the folder is as it was', async () => {
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [3, 9, 1])
  })
})

describe('queries of an empty log and of a long one', () => {
  const cleanup = new Cleanup(afterEach)

  it('a sequencer without a message has the genesis as its head, and no proofs', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const { asker } = await RawPeer.connect(cleanup, net, sequencer.address)
    const { height, size, pending, head } = await asker.status()
    assert.deepEqual({ height, size, pending }, { height: 0, size: 0, pending: 0 })
    assertBytes(head, genesisCursor(net.rules).signed.id)
    assert.equal((await asker.head()).signed.header.height, 0)
    await assert.rejects(asker.inclusion({ position: 0 }), NotFound)
    await assert.rejects(asker.previous(head), NotFound)
    for await (const { block } of asker.chainAfter(genesisCursor(net.rules)))
      assert.fail(`there is no block ${block.signed.header.height}`)
    await sequencer.check()
  })

  it('a chain of more blocks than a page holds comes whole, page after page', async () => {
    const net = await makeNetwork({ blockSize: 1 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    const count = LIMITS.rangeBlocks + 44
    await peer.publish(...envelopesOf(alice.says(200)))
    await peer.publish(...envelopesOf(alice.says(count - 200)))
    await sequencer.events.times('block', count)
    const heights: number[] = []
    for await (const { block } of peer.asker.chainAfter(genesisCursor(net.rules)))
      heights.push(block.signed.header.height)
    assert.deepEqual(
      heights,
      Array.from({ length: count }, (_, index) => index + 1)
    )
    // Across the first full tile of the log tree.
    for (const position of [0, 255, 256, count - 1])
      assert.equal((await peer.asker.inclusion({ position })).position, position)
    const checked = await sequencer.check()
    assert.deepEqual([checked.height, checked.size, checked.pending], [count, count, 0])
  })

  it('a page ends early where its blocks are large, and the chain still comes whole', async () => {
    const net = await makeNetwork({ blockSize: 100, messageBytes: 16_384 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const alice = await Author.create(net, 'alice')
    const peer = await RawPeer.connect(cleanup, net, sequencer.address, alice.key)
    // Each block takes some 800 kB: six are more than a page of 4 MiB.
    for (let block = 0; block < 7; block += 1)
      await peer.publish(
        ...envelopesOf(Array.from({ length: 100 }, () => alice.say({ text: 'x'.repeat(8000) })))
      )
    await sequencer.events.times('block', 7)
    const first = await peer.rawQuery(encodeQuery(net.network.id, { kind: 'range', from: 1, limit: 100 }))
    assert.ok(first.length - 1 < 7, 'not all in one page')
    const heights: number[] = []
    for await (const { block } of peer.asker.chainAfter(genesisCursor(net.rules)))
      heights.push(block.signed.header.height)
    assert.deepEqual(heights, [1, 2, 3, 4, 5, 6, 7])
    await sequencer.check()
  })
})
