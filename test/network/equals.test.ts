import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { CheckpointedHeader } from '#src/core/block.js'
import { type Hash, type PeerIdBytes, toHex, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { signerOf } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { Host } from '#src/network/host.js'
import { SUBMIT_PROTOCOL } from '#src/network/names.js'
import { Asker } from '#src/node/asker.js'
import { NodeAsker } from '#src/node/node-asker.js'
import { QueryClient } from '#src/node/query-client.js'
import { NotFound, QueryFailed, QueryRefused } from '#src/node/query-errors.js'
import { submit } from '#src/node/submission-client.js'
import { SUBMIT_STREAMS } from '#src/node/submission-server.js'
import { Author, envelopesOf } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { assertBytes } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { EqualNode } from '../helpers/equal-node.js'
import { identity, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { serve } from '../helpers/served.js'

const never = new AbortController().signal

/** Somebody who asks. */
interface Reader {
  readonly host: Host
  readonly peer: PeerIdBytes
  readonly asker: Asker
  readonly node: NodeAsker
}

async function readerOf(
  cleanup: Cleanup,
  net: TestNetwork,
  address: string,
  who = 'reader'
): Promise<Reader> {
  const host = await Host.create({ key: await identity(who), listen: [], topics: [] })
  await host.start()
  cleanup.add(() => host.stop())
  const peer = await host.connect(address, deadline())
  const asker = new Asker(host, peer, net.rules, () => Date.now())
  return { host, peer, asker, node: new NodeAsker(host, peer, net.network.id) }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

function heightsOf(headers: readonly CheckpointedHeader[]): number[] {
  return headers.map(({ header }) => header.height)
}

/** A refusal for this reason; gives its sentence. */
async function refusedFor(reason: string, asked: Promise<unknown>): Promise<string> {
  const error: unknown = await asked.then(
    () => undefined,
    thrown => thrown
  )
  assert.ok(error instanceof QueryRefused, `refused, not ${error}`)
  assert.equal(error.reason, reason)
  return error.message
}

describe('a chain that is asked for by peers of equal rank', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let main: ChainMaker
  let side: ChainMaker
  let node: EqualNode
  let reader: Reader

  // Six blocks of two messages; two more stand beside the last two.
  before(async () => {
    net = await makeWorkNetwork({ blockSize: 2 })
    const alice = await Author.create(net, 'alice')
    main = new ChainMaker(net)
    main.addAll(alice.says(8))
    side = main.fork(4)
    side.addAll(alice.says(4, 'beside'))
    main.addAll(alice.says(4))
    main.add([])
    node = await EqualNode.start(cleanup, net)
    await node.follow(side)
    await node.follow(main)
    reader = await readerOf(cleanup, net, node.address)
  })

  const idsOf = (maker: ChainMaker): Hash[] => maker.blocks.map(({ signed }) => signed.id)

  it('tells its weight with its head', async () => {
    const { height, id, weight } = await reader.asker.claimedHead()
    assert.deepEqual([height, toHex(id)], [7, toHex(present(idsOf(main)[6]))])
    assert.equal(weight, main.cursor.weight)
    assert.ok(weight > 7n, 'work, not blocks')
    assert.equal((await reader.asker.status()).weight, weight)
  })

  it('gives headers in pages, each the child of the one before', async () => {
    assert.deepEqual(heightsOf(await all(reader.asker.headerPage(1, 3))), [1, 2, 3])
    const rest = await all(reader.asker.headerPage(4, 1000))
    assert.deepEqual(heightsOf(rest), [4, 5, 6, 7])
    assert.deepEqual(
      rest.map(({ id }) => toHex(id)),
      idsOf(main).slice(3).map(toHex)
    )
    assert.deepEqual(await all(reader.asker.headerPage(8, 10)), [])
    assert.deepEqual(await all(reader.asker.headerPage(1, 0)), [])
    assert.deepEqual(await all(reader.asker.headerPage(0, 5)), [], 'nobody signs the genesis')
  })

  it('gives verified headers from the genesis on, as many as are wanted', async () => {
    assert.deepEqual(heightsOf(await all(reader.asker.headers(0, 100))), [0, 1, 2, 3, 4, 5, 6, 7])
    assert.deepEqual(heightsOf(await all(reader.asker.headers(3, 2))), [3, 4])
    assert.deepEqual(heightsOf(await all(reader.asker.headers(0, 1))), [0])
    assert.deepEqual(heightsOf(await all(reader.asker.headers(8, 5))), [])
    await assert.rejects(all(reader.asker.headers(9, 5)), NotFound)
  })

  it('gives blocks by their ids in the order of the ids, from its chain and beside it, up to the first it has not', async () => {
    const ids = [5, 4, 0].map(index => present(idsOf(main)[index]))
    const beside = idsOf(side).slice(4)
    const blocks = await all(reader.asker.blocksById([...beside, ...ids]))
    assert.deepEqual(
      blocks.map(({ signed }) => toHex(signed.id)),
      [...beside, ...ids].map(toHex)
    )
    assert.deepEqual(
      blocks.map(({ envelopes }) => envelopes.map(toHex)),
      [side.blocks[4], side.blocks[5], main.blocks[5], main.blocks[4], main.blocks[0]].map(block =>
        present(block).envelopes.map(toHex)
      )
    )
    const nobodys = sha256(utf8('no block'))
    const upTo = await all(reader.asker.blocksById([...beside, nobodys, ...ids]))
    assert.equal(upTo.length, 2)
    assert.deepEqual(await all(reader.asker.blocksById([nobodys])), [])
  })

  it('gives more blocks by their ids than one query may name', async () => {
    const ids = Array.from({ length: 3 * LIMITS.blockIds + 1 }, (_, index) => present(idsOf(main)[index % 7]))
    assert.equal((await all(reader.asker.blocksById(ids))).length, ids.length)
  })

  it('gives whole verified blocks, their parents and their headers by id, on the chain and beside it', async () => {
    const five = present(idsOf(side)[4])
    const six = present(idsOf(side)[5])
    const block = await reader.asker.blockById(six)
    assertBytes(block.signed.id, six)
    assertBytes((await reader.asker.previous(six)).signed.id, five)
    assertBytes((await reader.asker.previous(five)).signed.id, present(idsOf(main)[3]))
    assertBytes((await reader.asker.headerById(five)).id, five)
    await assert.rejects(reader.asker.headerById(sha256(utf8('no block'))), NotFound)
    assertBytes((await reader.asker.blockAt(6)).signed.id, present(idsOf(main)[5]))
  })

  it('proves a message on its chain by a header whose own parent is verified', async () => {
    const { signed, position } = await reader.asker.inclusion({ position: 11 })
    assert.deepEqual([signed.header.height, position], [6, 11])
    await assert.rejects(reader.asker.inclusion({ position: 12 }), NotFound)
  })

  it('has no sequencer, so that nothing is answered that only a sequencer signs', async () => {
    const client = new QueryClient(reader.host, reader.peer, net.network.id)
    for (const kind of ['key', 'evidence'] as const) await refusedFor('not served', client.one({ kind }))
  })
})

describe('pages of a long chain, and of large blocks', () => {
  const cleanup = new Cleanup(afterEach)

  async function readerOfMade(maker: ChainMaker): Promise<Reader> {
    const host = await Host.create({
      key: maker.net.key,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: []
    })
    await serve(cleanup, host, maker)
    await host.start()
    cleanup.add(() => host.stop())
    return readerOf(cleanup, maker.net, present(host.addresses()[0]))
  }

  it('hold no more headers than one may, however many are wanted, and go on where they ended', async () => {
    const maker = new ChainMaker(await makeWorkNetwork({ target: '207fffff' }))
    for (let height = 1; height <= LIMITS.rangeHeaders + 2; height += 1) maker.add([])
    const { asker } = await readerOfMade(maker)
    const page = await all(asker.headerPage(1, 10_000))
    assert.equal(page.length, LIMITS.rangeHeaders)
    assert.deepEqual(heightsOf(await all(asker.headerPage(LIMITS.rangeHeaders + 1, 10_000))), [1001, 1002])
    assert.equal((await all(asker.headers(0, 10_000))).length, LIMITS.rangeHeaders + 3)
  })

  it('end after the block with which they grow too long, and the reader asks for the rest', async () => {
    const net = await makeWorkNetwork({ blockSize: 64, messageBytes: 32_768 })
    const maker = new ChainMaker(net)
    const alice = await Author.create(net, 'alice')
    const text = 'x'.repeat(7000)
    for (let height = 1; height <= 12; height += 1)
      maker.add(Array.from({ length: 64 }, (_, index) => alice.say({ text: `${text} ${height} ${index}` })))
    const { asker } = await readerOfMade(maker)
    assert.ok((await all(asker.page(1, 256))).length < 12)
    const blocks = await all(asker.blocksById(maker.blocks.map(({ signed }) => signed.id)))
    assert.equal(blocks.length, 12)
  })
})

describe('what a node says of itself, and what its owner may have it do', () => {
  const cleanup = new Cleanup(afterEach)

  async function owned(): Promise<{ net: TestNetwork; node: EqualNode; owner: Reader; stranger: Reader }> {
    const net = await makeWorkNetwork()
    const node = await EqualNode.start(cleanup, net, {
      owners: [signerOf(await identity('owner')).peerId]
    })
    const owner = await readerOf(cleanup, net, node.address, 'owner')
    return { net, node, owner, stranger: await readerOf(cleanup, net, node.address, 'stranger') }
  }

  it('its PeerId, role and addresses, whom it knows, whether it mines, and how many messages wait', async () => {
    const { node, owner, stranger } = await owned()
    const { peerId, role, addresses, peers, isMining, hashRate, pool } = await stranger.node.node()
    assertBytes(peerId, node.host.peerId)
    assert.deepEqual([role, isMining, hashRate, pool], ['miner', true, 1235, 0])
    assert.deepEqual(addresses, [node.address])
    assert.deepEqual(
      new Set(peers.map(peer => `${toHex(peer.peerId)} ${peer.address} ${peer.isConnected}`)),
      new Set([owner, stranger].map(({ host }) => `${toHex(host.peerId)} undefined true`))
    )
  })

  it('the owner mines: the blocks are on its chain, and anybody sees them', async () => {
    const { node, owner, stranger } = await owned()
    const mined = await owner.node.mine(3)
    assert.deepEqual(
      mined.map(({ height }) => height),
      [1, 2, 3]
    )
    assertBytes(node.chain.head().id, present(mined[2]).id)
    assert.equal((await stranger.asker.status()).height, 3)
  })

  it('a stranger mines nothing and stops nobody', async () => {
    const { node, stranger } = await owned()
    assert.match(await refusedFor('not the owner', stranger.node.mine(1)), /is no owner of this node/)
    await refusedFor('not the owner', stranger.node.shutdown())
    assert.deepEqual([node.chain.head().header.height, node.shutdowns], [0, 0])
  })

  it('mining ends when the owner goes away', async () => {
    const { node, owner } = await owned()
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    node.beforeMining = async signal => {
      signal.addEventListener('abort', () => end())
      begin()
      await ended
    }
    const mining = owner.node.mine(1)
    await begun
    await owner.host.stop()
    await assert.rejects(mining, QueryFailed)
    await ended
    assert.equal(node.chain.head().header.height, 0)
  })

  it('the owner stops it, and hears so before it stops', async () => {
    const { node, owner } = await owned()
    await owner.node.shutdown()
    await node.until('it is stopped', () => node.shutdowns === 1)
  })

  it('a peer that has no owner and is no node answers none of it', async () => {
    const maker = new ChainMaker(await makeWorkNetwork())
    const host = await Host.create({ key: maker.net.key, listen: ['/ip4/127.0.0.1/tcp/0'], topics: [] })
    await serve(cleanup, host, maker)
    await host.start()
    cleanup.add(() => host.stop())
    const { node } = await readerOf(cleanup, maker.net, present(host.addresses()[0]))
    const claim = { height: 1, id: maker.net.network.id, weight: 1n }
    for (const asked of [node.node(), node.mine(1), node.shutdown(), node.offer(claim)])
      await refusedFor('not served', asked)
  })
})

describe('messages that are handed in', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let alice: Author

  beforeEach(async () => {
    net = await makeWorkNetwork()
    alice = await Author.create(net, 'alice')
  })

  const handedIn = ({ host, peer }: Reader, envelopes: Parameters<typeof submit>[3]) =>
    submit(host, peer, net.network.id, envelopes, never)

  it('are accepted, known, or refused with the reason, each by itself and in order', async () => {
    const node = await EqualNode.start(cleanup, net)
    const reader = await readerOf(cleanup, net, node.address)
    const [first, second] = alice.says(2)
    const other = alice.say({ text: 'another one' }, { sequence: 1n })
    const empty = alice.say({ text: '' })
    const made = [present(first), present(first), other, empty, present(second)]
    const fates = await handedIn(reader, envelopesOf(made))
    assert.deepEqual(
      fates.map(fate => (fate.kind === 'refused' ? fate.reason : fate.kind)),
      ['accepted', 'known', 'sequence taken', 'bad schema', 'accepted']
    )
    assert.deepEqual(node.pool.map(toHex), envelopesOf([present(first), present(second)]).map(toHex))
    const [again] = await handedIn(reader, envelopesOf([present(second)]))
    assert.deepEqual(again, { kind: 'known' })
  })

  it('are as many at once as a bundle holds, and no more', async () => {
    const node = await EqualNode.start(cleanup, net)
    const reader = await readerOf(cleanup, net, node.address)
    const envelopes = envelopesOf(alice.says(LIMITS.bundleMessages + 1))
    const fates = await handedIn(reader, envelopes.slice(1))
    assert.deepEqual(new Set(fates.map(({ kind }) => kind)), new Set(['accepted']))
    assert.match(await refusedFor('bad encoding', handedIn(reader, envelopes)), /257 messages are too many/)
    await refusedFor('bad encoding', handedIn(reader, []))
    assert.equal(node.pool.length, LIMITS.bundleMessages)
  })

  it('are refused whole where they are for another network, or no submission at all', async () => {
    const node = await EqualNode.start(cleanup, net)
    const { host, peer } = await readerOf(cleanup, net, node.address)
    const another = await makeWorkNetwork({ name: 'another' })
    const envelopes = envelopesOf(alice.says(1))
    await refusedFor('wrong network', submit(host, peer, another.network.id, envelopes, never))
    const channel = await host.open(peer, SUBMIT_PROTOCOL, SUBMIT_STREAMS, deadline())
    await channel.send(randomBytes(100), deadline())
    const answer = Buffer.from(present(await channel.receive(deadline()))).toString('latin1')
    assert.match(answer, /bad encoding/)
    assert.equal(await channel.receive(deadline()), undefined)
    assert.deepEqual(node.pool, [])
  })

  it('are not read where they are longer than a submission may be, and others are served', async () => {
    const node = await EqualNode.start(cleanup, net)
    const reader = await readerOf(cleanup, net, node.address)
    const long = await reader.host.open(
      reader.peer,
      SUBMIT_PROTOCOL,
      { ...SUBMIT_STREAMS, frameBytes: 8 * LIMITS.submissionBytes, unsentBytes: 8 * LIMITS.submissionBytes },
      deadline()
    )
    await assert.rejects(async () => {
      await long.send(new Uint8Array(2 * LIMITS.submissionBytes), deadline())
      if ((await long.receive(deadline())) === undefined) throw new Error('ended without an answer')
    })
    assert.deepEqual(await handedIn(reader, envelopesOf(alice.says(1))), [{ kind: 'accepted' }])
  })

  it('are refused as rate limited where one peer hands in too often, and taken from others', async () => {
    const node = await EqualNode.start(cleanup, net, { submissionRate: { perSecond: 0.001, burst: 2 } })
    const [reader, other] = [
      await readerOf(cleanup, net, node.address),
      await readerOf(cleanup, net, node.address, 'other')
    ]
    for (const { envelope } of alice.says(2)) await handedIn(reader, [envelope])
    const third = envelopesOf(alice.says(1))
    await refusedFor('rate limited', handedIn(reader, third))
    assert.deepEqual(await handedIn(other, third), [{ kind: 'accepted' }])
  })

  it('are refused as busy where too many submissions are being judged', async () => {
    const node = await EqualNode.start(cleanup, net)
    const { promise: enough, resolve } = Promise.withResolvers<void>()
    const judging: unknown[] = []
    const take = node.take.bind(node)
    node.take = async envelopes => {
      judging.push(envelopes)
      if (judging.length === LIMITS.submissions) resolve()
      await release.promise
      return take(envelopes)
    }
    const release = Promise.withResolvers<void>()
    const readers = await Promise.all(
      Array.from({ length: LIMITS.submissions / LIMITS.submitStreams + 1 }, (_, index) =>
        readerOf(cleanup, net, node.address, `reader ${index}`)
      )
    )
    const last = present(readers.pop())
    const waiting = readers.flatMap(reader =>
      Array.from({ length: LIMITS.submitStreams }, () => handedIn(reader, envelopesOf(alice.says(1))))
    )
    await enough
    await refusedFor('busy', handedIn(last, envelopesOf(alice.says(1))))
    release.resolve()
    assert.equal((await Promise.all(waiting)).flat().length, LIMITS.submissions)
  })

  it('are for peers with a pool: who has none does not speak the protocol', async () => {
    const host = await Host.create({ key: net.key, listen: ['/ip4/127.0.0.1/tcp/0'], topics: [] })
    await host.start()
    cleanup.add(() => host.stop())
    const reader = await readerOf(cleanup, net, present(host.addresses()[0]))
    await assert.rejects(handedIn(reader, envelopesOf(alice.says(1))), QueryFailed)
  })
})

describe('a chain that is offered', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let ours: ChainMaker
  let node: EqualNode
  let reader: Reader

  beforeEach(async () => {
    net = await makeWorkNetwork({ maxReorg: 3 })
    ours = new ChainMaker(net)
    for (let height = 1; height <= 5; height += 1) ours.add([])
    node = await EqualNode.start(cleanup, net)
    await node.follow(ours)
    reader = await readerOf(cleanup, net, node.address)
  })

  /** What becomes of a chain that the reader serves and offers. */
  async function offered(maker: ChainMaker, serving = maker): ReturnType<NodeAsker['offer']> {
    await serve(cleanup, reader.host, serving)
    const { signed, weight } = maker.cursor
    return reader.node.offer({ height: signed.header.height, id: signed.id, weight })
  }

  function longer(from: number, to: number): ChainMaker {
    const maker = ours.fork(from)
    while (maker.blocks.length < to) maker.add([])
    return maker
  }

  it('is taken where it is valid and heavier; the answer names the new head', async () => {
    const maker = longer(3, 6)
    const outcome = await offered(maker)
    assert.equal(outcome.kind, 'taken')
    assertBytes(node.chain.head().id, maker.cursor.signed.id)
    assert.deepEqual(outcome, { kind: 'taken', height: 6, id: maker.cursor.signed.id })
  })

  for (const [what, reason, make] of [
    ['that is not heavier', 'not heavier', () => longer(3, 4)],
    ['that leaves ours too far back', 'too deep', () => longer(1, 9)],
    [
      'whose last block is not valid',
      'invalid',
      () => {
        const maker = longer(3, 6)
        maker.blocks.push(maker.forge([], { header: () => ({ root: sha256(utf8('x')) }) }))
        return maker
      }
    ],
    [
      'whose headers are not chained',
      'invalid',
      () => {
        const maker = longer(3, 7)
        maker.blocks.splice(4, 1, longer(4, 4).add([]))
        return maker
      }
    ]
  ] as const)
    it(`${what} is not taken, and it is said why`, async () => {
      const maker = make()
      const outcome = await offered(maker)
      assert.ok(outcome.kind === 'notTaken', outcome.kind)
      assert.deepEqual([outcome.reason, outcome.detail !== ''], [reason, true])
      assert.notDeepEqual(node.chain.head().id, maker.blocks.at(-1)?.signed.id)
    })

  it('is not taken where who offers it serves another one', async () => {
    const outcome = await offered(longer(3, 6), longer(3, 4))
    assert.ok(outcome.kind === 'notTaken')
    assertBytes(node.chain.head().id, ours.cursor.signed.id)
  })
})
