import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { OfferHandler } from '#src/api/offer-handler.js'
import { OwnerHandler } from '#src/api/owner-handler.js'
import { submit } from '#src/client/submission-client.js'
import type { CheckpointedHeader } from '#src/core/block.js'
import { concat, type EnvelopeBytes, equal, type Hash, toHex, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { signerOf } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { decodeSubmissionAnswer, encodeSubmission, type SubmissionResult } from '#src/core/submission.js'
import { SubmissionServer, type SubmissionServerOptions } from '#src/intake/submission-server.js'
import { SUBMIT_PROTOCOL } from '#src/network/names.js'
import { SUBMIT_STREAMS } from '#src/network/stream-options.js'
import type { Made } from '#src/orderings/producer.js'
import type { NodeQueries } from '#src/query/node-queries.js'
import { QueryClient } from '#src/query/query-client.js'
import { NotFound, QueryFailed, QueryRefused } from '#src/query/query-errors.js'
import { ValidationShares } from '#src/validation/validation-shares.js'
import { fromAnotherHost, HAS_OTHER_HOSTS } from '../helpers/another-host.js'
import { Author, envelopesOf, OpenAuthor } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { assertBytes } from '../helpers/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'
import { type Reader, RunningEqual, readerOf } from '../helpers/running-equal.js'
import { chainResponder, listening, serve, servedBy } from '../helpers/served.js'

const never = new AbortController().signal

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

/** What becomes of a chain that a reader serves and offers. */
async function offer(
  cleanup: Cleanup,
  { host, node }: Reader,
  maker: ChainMaker,
  serving = maker
): ReturnType<NodeQueries['offer']> {
  const server = await serve(cleanup, host, maker.net, chainResponder(serving))
  const { header, id } = present(maker.blocks.at(-1)).signed
  const outcome = await node.offer({ height: header.height, id, weight: maker.cursor.weight })
  await server.stop()
  return outcome
}

describe('a chain that is asked for by peers of equal rank', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let main: ChainMaker
  let side: ChainMaker
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
    const { address } = await RunningEqual.start(cleanup, net)
    reader = await readerOf(cleanup, net, address)
    for (const chain of [side, main]) assert.equal((await offer(cleanup, reader, chain)).kind, 'taken')
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

  const readerOfMade = async (maker: ChainMaker): Promise<Reader> =>
    readerOf(cleanup, maker.net, await servedBy(cleanup, maker.net, chainResponder(maker)))

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
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let miner: RunningEqual
  let owner: Reader
  let stranger: Reader

  before(async () => {
    net = await makeWorkNetwork()
    miner = await RunningEqual.start(cleanup, net, {
      owners: [signerOf(await identity('owner')).peerId],
      mining: { threads: 1, blocks: 0 }
    })
    owner = await readerOf(cleanup, net, miner.address, 'owner')
    stranger = await readerOf(cleanup, net, miner.address, 'stranger')
  })

  it('its PeerId, role and addresses, whom it knows, whether it mines, and how many messages wait', async () => {
    const { peerId, role, addresses, peers, isMining, pool } = await stranger.node.node()
    assertBytes(peerId, stranger.peer)
    assert.deepEqual([role, isMining, pool], ['miner', true, 0])
    assert.deepEqual(addresses, [miner.address])
    assert.deepEqual(
      new Set(peers.map(peer => `${toHex(peer.peerId)} ${peer.address} ${peer.isConnected}`)),
      new Set([owner, stranger].map(({ host }) => `${toHex(host.peerId)} undefined true`))
    )
  })

  it('a stranger mines nothing and stops nobody', async () => {
    assert.match(await refusedFor('not the owner', stranger.node.mine(1)), /is no owner of this node/)
    await refusedFor('not the owner', stranger.node.shutdown())
    assert.deepEqual([miner.controls.status().height, miner.events.count('stopped')], [0, 0])
  })

  it('the owner mines: the blocks are on its chain, and anybody sees them', async () => {
    const mined = await owner.node.mine(3)
    assert.deepEqual(
      mined.map(({ height }) => height),
      [1, 2, 3]
    )
    const { height, head } = await stranger.asker.status()
    assert.equal(height, 3)
    assertBytes(head, present(mined[2]).id)
  })

  it('the owner stops it, and hears so before it stops', async () => {
    await owner.node.shutdown()
    await miner.events.times('stopped', 1)
  })

  it('a follower does not mine, whoever asks', async () => {
    const { address } = await RunningEqual.start(cleanup, net, {
      who: 'follower',
      owners: [owner.host.peerId]
    })
    const { host } = owner
    const peer = await host.connect(address, deadline())
    const client = new QueryClient(host, peer, net.network.id)
    assert.match(await refusedFor('not served', client.one({ kind: 'mine', count: 1 })), /does not mine/)
  })

  it('mining ends when the owner goes away', async () => {
    const begun = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<Made>()
    const key = await identity('owner in a hurry')
    const handler = new OwnerHandler({
      owners: [signerOf(key).peerId],
      mine: async (_, signal) => {
        signal.addEventListener('abort', () => ended.resolve({ ok: true, blocks: [] }))
        begun.resolve()
        return ended.promise
      },
      shutdown: () => assert.fail('nobody asked for it')
    })
    const address = await servedBy(cleanup, net, handler)
    const hurried = await readerOf(cleanup, net, address, 'owner in a hurry')
    const mining = hurried.node.mine(1)
    await begun.promise
    await hurried.host.stop()
    await assert.rejects(mining, QueryFailed)
    await ended.promise
  })

  it('a peer that has no owner and is no node answers none of it', async () => {
    const address = await servedBy(cleanup, net, chainResponder(new ChainMaker(net)))
    const { node } = await readerOf(cleanup, net, address)
    const claim = { height: 1, id: net.network.id, weight: 1n }
    for (const asked of [node.node(), node.mine(1), node.shutdown(), node.offer(claim)])
      await refusedFor('not served', asked)
  })
})

describe('messages that are handed in', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let alice: Author
  let node: RunningEqual
  let reader: Reader

  before(async () => {
    net = await makeWorkNetwork()
    alice = await Author.create(net, 'alice')
    node = await RunningEqual.start(cleanup, net)
    reader = await readerOf(cleanup, net, node.address)
  })

  const handIn = (
    { host, peer }: Reader,
    envelopes: readonly EnvelopeBytes[]
  ): Promise<readonly SubmissionResult[]> => submit(host, peer, net.network.id, envelopes, never)

  it('are accepted, known, or refused with the reason, each by itself and in order', async () => {
    const [first, second] = alice.says(2)
    const other = alice.say({ text: 'another one' }, { sequence: 1n })
    const empty = alice.say({ text: '' })
    const made = [present(first), present(first), other, empty, present(second)]
    const fates = await handIn(reader, envelopesOf(made))
    assert.deepEqual(
      fates.map(fate => (fate.kind === 'refused' ? fate.reason : fate.kind)),
      ['accepted', 'known', 'sequence taken', 'bad schema', 'accepted']
    )
    assert.equal(node.controls.status().pool, 2)
    assert.deepEqual(await handIn(reader, envelopesOf([present(second)])), [{ kind: 'known' }])
  })

  it('are on disk once they are accepted: a peer that starts again has them', async () => {
    const envelopes = envelopesOf(alice.says(3))
    await handIn(reader, envelopes)
    const { pool } = node.controls.status()
    await node.restart()
    assert.equal(node.controls.status().pool, pool)
    reader = await readerOf(cleanup, net, node.address, 'reader of the second life')
    assert.deepEqual(
      (await handIn(reader, envelopes)).map(({ kind }) => kind),
      ['known', 'known', 'known']
    )
  })

  it('are as many at once as a bundle holds, and no more', async () => {
    const envelopes = envelopesOf(alice.says(LIMITS.bundleMessages + 1))
    const fates = await handIn(reader, envelopes.slice(1))
    assert.deepEqual(new Set(fates.map(({ kind }) => kind)), new Set(['accepted']))
    assert.match(await refusedFor('bad encoding', handIn(reader, envelopes)), /more than 256 elements/)
    await refusedFor('bad encoding', handIn(reader, []))
  })

  it('are refused whole where they are for another network, or no submission at all', async () => {
    const { host, peer } = reader
    const another = await makeWorkNetwork({ name: 'another' })
    const envelopes = envelopesOf(alice.says(1))
    await refusedFor('wrong network', submit(host, peer, another.network.id, envelopes, never))
    const channel = await host.open(peer, SUBMIT_PROTOCOL, SUBMIT_STREAMS, deadline())
    await channel.send(randomBytes(100), deadline())
    const answer = Buffer.from(present(await channel.receive(deadline()))).toString('latin1')
    assert.match(answer, /bad encoding/)
    assert.equal(await channel.receive(deadline()), undefined)
  })

  it('are refused before they are decoded where groups lie in them a million deep, or a million messages', async () => {
    const { host, peer } = reader
    const begun = encodeSubmission({ network: net.network.id, envelopes: envelopesOf(alice.says(1)) })
    for (const [tail, why] of [
      [new Uint8Array(1_000_000).fill(0x0b), /another type/],
      [new Uint8Array(1_000_000).fill(0x1b), /not known/],
      [new Uint8Array(1_000_000).map((_, index) => (index % 2 === 0 ? 0x12 : 0)), /more than 256 elements/]
    ] as const) {
      const channel = await host.open(peer, SUBMIT_PROTOCOL, SUBMIT_STREAMS, deadline())
      await channel.send(concat(begun, tail), deadline())
      const answer = decodeSubmissionAnswer(present(await channel.receive(deadline())))
      assert.ok(answer.kind === 'refused' && answer.reason === 'bad encoding')
      assert.match(answer.detail, why)
      await channel.close(deadline())
    }
    assert.deepEqual(await handIn(reader, envelopesOf(alice.says(1))), [{ kind: 'accepted' }])
  })

  it('are not read where they are longer than a submission may be, and others are served', async () => {
    const room = 8 * LIMITS.submissionBytes
    const limits = { ...SUBMIT_STREAMS, frameBytes: room, unsentBytes: room }
    const long = await reader.host.open(reader.peer, SUBMIT_PROTOCOL, limits, deadline())
    await assert.rejects(async () => {
      await long.send(new Uint8Array(2 * LIMITS.submissionBytes), deadline())
      if ((await long.receive(deadline())) === undefined) throw new Error('ended without an answer')
    })
    assert.deepEqual(await handIn(reader, envelopesOf(alice.says(1))), [{ kind: 'accepted' }])
  })

  /** The address of a host that does nothing but take messages so. */
  const taking = (
    options: Pick<SubmissionServerOptions, 'take' | 'rate'> & Partial<SubmissionServerOptions>
  ): Promise<string> =>
    listening(cleanup, net, async host => {
      const clock = (): number => performance.now()
      const shares = new ValidationShares()
      const server = new SubmissionServer(host, { network: net.network.id, clock, shares, ...options })
      await server.start()
      cleanup.add(() => server.stop())
    })

  const acceptAll = async (envelopes: readonly EnvelopeBytes[]): Promise<SubmissionResult[]> =>
    envelopes.map(() => ({ kind: 'accepted' }))

  it('are refused as rate limited where one peer hands in too often, and taken from others', async () => {
    const address = await taking({ take: acceptAll, rate: { perSecond: 0.001, burst: 2 } })
    const often = await readerOf(cleanup, net, address)
    const other = await readerOf(cleanup, net, address, 'other')
    const [first, second, third] = alice.says(3).map(({ envelope }) => [envelope])
    await handIn(often, present(first))
    await handIn(often, present(second))
    await refusedFor('rate limited', handIn(often, present(third)))
    assert.deepEqual(await handIn(other, present(third)), [{ kind: 'accepted' }])
  })

  it('are refused as busy where one host has half of those that are being judged, and taken from another host', async function () {
    if (!HAS_OTHER_HOSTS) this.skip()
    const most = LIMITS.submissions / 2
    const enough = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    let judging = 0
    const address = await taking({
      take: async envelopes => {
        judging += 1
        if (judging === most) enough.resolve()
        if (judging <= most) await released.promise
        return acceptAll(envelopes)
      }
    })
    const crowd = await Promise.all(
      Array.from({ length: most / LIMITS.submitStreams }, (_, index) =>
        readerOf(cleanup, net, address, `one of a crowd ${index}`)
      )
    )
    const last = await readerOf(cleanup, net, address, 'the last one')
    const elsewhere = await fromAnotherHost(cleanup, address, '127.0.0.2')
    const other = await readerOf(cleanup, net, elsewhere, 'one from elsewhere')
    const envelopes = envelopesOf(alice.says(1))
    const waiting = crowd.flatMap(one =>
      Array.from({ length: LIMITS.submitStreams }, () => handIn(one, envelopes))
    )
    await enough.promise
    await refusedFor('busy', handIn(last, envelopes))
    assert.deepEqual(await handIn(other, envelopes), [{ kind: 'accepted' }])
    released.resolve()
    assert.equal((await Promise.all(waiting)).length, most)
    assert.deepEqual(await handIn(last, envelopes), [{ kind: 'accepted' }])
  })

  it('cost their peer by the messages, the keys and the bytes in them, and nobody else', async () => {
    const address = await taking({ take: acceptAll, rate: { perSecond: 0.001, burst: 20 } })
    const { bytesInToken, weightInToken } = LIMITS.submissionCost
    /** How many submissions of one message are taken after this one. */
    const takenAfter = async (who: string, envelopes: readonly EnvelopeBytes[]): Promise<number> => {
      const one = await readerOf(cleanup, net, address, who)
      assert.equal((await handIn(one, envelopes)).length, envelopes.length)
      for (let taken = 0; ; taken += 1)
        try {
          await handIn(one, envelopesOf(alice.says(1)))
        } catch (error) {
          assert.ok(error instanceof QueryRefused && error.reason === 'rate limited', String(error))
          return taken
        }
    }
    assert.equal(await takenAfter('one', envelopesOf(alice.says(1))), 19)
    const many = envelopesOf(alice.says(LIMITS.bundleMessages))
    const bytes = many.reduce((sum, { length }) => sum + length, 0)
    const cost = Math.ceil(LIMITS.bundleMessages / weightInToken + bytes / bytesInToken)
    assert.equal(await takenAfter('another', many), 20 - cost)
    const strangers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => OpenAuthor.create(net, `stranger ${index}`))
    )
    const ofStrangers = envelopesOf(strangers.flatMap(each => each.says(1)))
    assert.equal(await takenAfter('a third', ofStrangers), 20 - LIMITS.newKeyWeight - 1)
  })

  it('take of one share with gossip: what waits for validation keeps no other host out', async () => {
    const shares = new ValidationShares()
    const address = await taking({ take: acceptAll, shares })
    const one = await readerOf(cleanup, net, address, 'the crowd')
    const { validationQueue: all, validationQueueOfPeer: most } = LIMITS
    for (let name = 0; name < all / 2 / most; name += 1)
      assert.equal(shares.take({ peer: `${name}`, host: '127.0.0.1', site: '127.0.0' }, most), 'taken')
    await refusedFor('busy', handIn(one, envelopesOf(alice.says(1))))
    shares.release({ peer: '0', host: '127.0.0.1', site: '127.0.0' }, most)
    assert.deepEqual(await handIn(one, envelopesOf(alice.says(1))), [{ kind: 'accepted' }])
  })

  it('are for peers with a pool: who has none does not speak the protocol', async () => {
    const address = await servedBy(cleanup, net, chainResponder(new ChainMaker(net)))
    const other = await readerOf(cleanup, net, address)
    await assert.rejects(handIn(other, envelopesOf(alice.says(1))), QueryFailed)
  })
})

describe('a chain that is offered', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let ours: ChainMaker
  let node: RunningEqual
  let reader: Reader

  before(async () => {
    net = await makeWorkNetwork({ maxReorg: 3 })
    ours = new ChainMaker(net)
    for (let height = 1; height <= 5; height += 1) ours.add([])
    node = await RunningEqual.start(cleanup, net)
    reader = await readerOf(cleanup, net, node.address)
  })

  const head = (): Hash => node.controls.status().head

  function longer(from: number, to: number): ChainMaker {
    const maker = ours.fork(from)
    while (maker.blocks.length < to) maker.add([])
    return maker
  }

  it('is taken by who has none', async () => {
    const { id } = ours.cursor.signed
    assert.deepEqual(await offer(cleanup, reader, ours), { kind: 'taken', height: 5, id })
    assertBytes(head(), id)
  })

  for (const [what, reason, make] of [
    ['that is there already', 'not heavier', () => ours],
    ['that is not heavier', 'not heavier', () => longer(3, 4)],
    ['that leaves ours too far back', 'too deep', () => longer(1, 9)],
    [
      'whose last block is not valid',
      'invalid',
      () => {
        const maker = longer(4, 6)
        maker.blocks.push(maker.forge([], { header: () => ({ log: sha256(utf8('x')) }) }))
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
      const before = head()
      const maker = make()
      const last = present(maker.blocks.at(-1)).signed
      const outcome = await offer(cleanup, reader, maker)
      assert.ok(outcome.kind === 'notTaken', outcome.kind)
      assert.deepEqual([outcome.reason, outcome.detail !== ''], [reason, true], outcome.detail)
      assert.ok(equal(head(), before) || !equal(head(), last.id))
    })

  it('is not taken where who offers it serves another one', async () => {
    const outcome = await offer(cleanup, reader, longer(3, 7), longer(3, 4))
    assert.equal(outcome.kind, 'notTaken')
  })

  it('is taken where it is valid and heavier; the answer names the new head', async () => {
    const maker = longer(4, 8)
    const { id } = maker.cursor.signed
    assert.deepEqual(await offer(cleanup, reader, maker), { kind: 'taken', height: 8, id })
    assertBytes(head(), id)
  })

  it('is refused as busy where its peer offers another, or one host has half of those that are looked at; another host has its turn', async function () {
    if (!HAS_OTHER_HOSTS) this.skip()
    const most = LIMITS.offers / 2
    const waiting = Promise.withResolvers<void>()
    const full = Promise.withResolvers<void>()
    let considered = 0
    const address = await servedBy(
      cleanup,
      net,
      new OfferHandler(async () => {
        considered += 1
        if (considered === most) full.resolve()
        if (considered <= most) await waiting.promise
        return { kind: 'notTaken', reason: 'unreachable', detail: 'it took too long' }
      })
    )
    const claim = { height: 1, id: net.network.id, weight: 1n }
    const offers: ReturnType<NodeQueries['offer']>[] = []
    const elsewhere = await fromAnotherHost(cleanup, address, '127.0.0.2')
    const other = await readerOf(cleanup, net, elsewhere, 'one with a chain from elsewhere')
    const last = await readerOf(cleanup, net, address, 'the last one with a chain')
    const [first, ...crowd] = await Promise.all(
      Array.from({ length: most }, (_, index) => readerOf(cleanup, net, address, `one with a chain ${index}`))
    )
    for (const { node: one } of [present(first), ...crowd]) offers.push(one.offer(claim))
    await full.promise
    assert.match(await refusedFor('busy', present(first).node.offer(claim)), /another chain that you offered/)
    assert.match(await refusedFor('busy', last.node.offer(claim)), /as many as your host may/)
    assert.equal(considered, most)
    assert.equal((await other.node.offer(claim)).kind, 'notTaken')
    waiting.resolve()
    for (const { kind } of await Promise.all(offers)) assert.equal(kind, 'notTaken')
    assert.equal((await last.node.offer(claim)).kind, 'notTaken')
  })
})
