import assert from 'node:assert/strict'
import type { Handler, Reply } from '#src/api/handler.js'
import type { Answer } from '#src/core/answer.js'
import { asHash, type EnvelopeBytes } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import type { Query } from '#src/core/query.js'
import { Host } from '#src/network/host.js'
import { QueryClient } from '#src/query/query-client.js'
import { QueryRefused } from '#src/query/query-errors.js'
import { QueryServer } from '#src/serve/query-server.js'
import { fromAnotherHost, HAS_OTHER_HOSTS } from '../helpers/another-host.js'
import { Changes, deadline } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { listening } from '../helpers/served.js'

const STATUS: Answer = {
  kind: 'status',
  height: 0,
  size: 0,
  pending: 0,
  head: asHash(new Uint8Array(32)),
  weight: 0n
}
const HEADER: Answer = {
  kind: 'header',
  header: new Uint8Array(100) as Uint8Array as EnvelopeBytes,
  checkpoint: new Uint8Array(0)
}
const BLOCK: Answer = { kind: 'block', block: new Uint8Array(4 * LIMITS.queryCost.bytesInToken), peaks: [] }

/** Answers to `headers` as many headers as were wanted, to `range` as many blocks, and to anything else a status. */
class Pages extends Changes implements Handler {
  made = 0

  /** Where it is set, answers to `head` wait for it. */
  held: Promise<void> | undefined

  reply(query: Query): Reply {
    if (query.kind === 'head') return { answers: this.#slowly() }
    if (query.kind === 'headers') return { answers: this.#page(HEADER, query.limit) }
    if (query.kind === 'range') return { answers: this.#page(BLOCK, query.limit) }
    return { answers: [STATUS] }
  }

  *#page(answer: Answer, count: number): Iterable<Answer> {
    for (let index = 0; index < count; index += 1) {
      this.made += 1
      this.changed()
      yield answer
    }
    yield { kind: 'done', next: count }
  }

  async *#slowly(): AsyncIterable<Answer> {
    this.made += 1
    this.changed()
    await this.held
    yield BLOCK
  }

  protected override describe(): string {
    return `${this.made} answers were made`
  }
}

describe('queries', () => {
  const cleanup = new Cleanup(after)
  const guests = new Cleanup(afterEach)
  let net: TestNetwork
  let pages: Pages
  let burst: number
  let address: string

  before(async () => {
    net = await makeNetwork({})
  })

  async function serving(tokens: number): Promise<void> {
    pages = new Pages()
    burst = tokens
    address = await listening(cleanup, net, async host => {
      // A clock that stands: what is taken does not come back.
      const server = new QueryServer(host, {
        network: net.network.id,
        handlers: [pages],
        clock: () => 0,
        rate: { perSecond: 1, burst }
      })
      await server.start()
      cleanup.add(() => server.stop())
    })
  }

  async function client(who: string, to = address): Promise<QueryClient> {
    const host = await Host.create({ key: await identity(who), listen: [], topics: [] })
    await host.start()
    guests.add(() => host.stop())
    return new QueryClient(host, await host.connect(to, deadline()), net.network.id)
  }

  async function count(asker: QueryClient, query: Query): Promise<number> {
    let answers = 0
    for await (const _ of asker.all(query)) answers += 1
    return answers
  }

  /** How many cheap queries are answered before one is refused. */
  async function left(asker: QueryClient): Promise<number> {
    for (let asked = 0; ; asked += 1)
      try {
        await asker.one({ kind: 'status' })
      } catch (error) {
        assert.ok(error instanceof QueryRefused && error.reason === 'rate limited', String(error))
        return asked
      }
  }

  it('cost their peer by the number and the bytes of their answers, and nobody else', async () => {
    await serving(60)
    const [alice, bob, carol] = [await client('alice'), await client('bob'), await client('carol')]
    assert.equal(await left(alice), 60)
    // 639 headers and the end of the page are 640 answers, 20 tokens; their bytes are two more, and a part of one.
    await count(bob, { kind: 'headers', from: 1, limit: 639 })
    assert.equal(await left(bob), 60 - 23)
    // Ten blocks of four tokens each, and eleven answers.
    await count(carol, { kind: 'range', from: 1, limit: 10 })
    assert.equal(await left(carol), 60 - 41)
  })

  it('that cost more than is left are answered whole, and no more until it has come again', async () => {
    await serving(10)
    const dave = await client('dave')
    assert.equal(await count(dave, { kind: 'range', from: 1, limit: 10 }), 11)
    assert.equal(await left(dave), 0)
  })

  it('are answered piece by piece, of each peer in turn: long pages keep no other peer waiting', async () => {
    await serving(1_000_000)
    const [busy, other] = [await client('busy'), await client('other')]
    const all = LIMITS.queriesOfPeer * LIMITS.rangeHeaders
    const asked = Array.from({ length: LIMITS.queriesOfPeer }, () =>
      count(busy, { kind: 'headers', from: 1, limit: LIMITS.rangeHeaders })
    )
    await pages.until('the first pieces', () => pages.made > 0)
    await other.one({ kind: 'status' })
    assert.ok(pages.made < all, `all ${all} headers were made before another peer had its turn`)
    assert.deepEqual(new Set(await Promise.all(asked)), new Set([LIMITS.rangeHeaders + 1]))
  })

  it('have half of the places for one host: its slow readers, by however many names, keep no other host out', async function () {
    if (!HAS_OTHER_HOSTS) this.skip()
    await serving(1_000_000)
    const { promise, resolve } = Promise.withResolvers<void>()
    pages.held = promise
    const elsewhere = await fromAnotherHost(guests, address, '127.0.0.2')
    const most = LIMITS.queries / 2
    const crowd = await Promise.all(
      Array.from({ length: most / LIMITS.queriesOfPeer }, (_, name) => client(`slow ${name}`))
    )
    // libp2p resets a connection on which ten streams are opened before it stands on both sides.
    await Promise.all(crowd.map(each => each.one({ kind: 'status' })))
    const slow = crowd.flatMap(each =>
      Array.from({ length: LIMITS.queriesOfPeer }, () => each.one({ kind: 'head' }))
    )
    await pages.until('all that one host may ask', () => pages.made === most)
    const late = await client('one more of them')
    await assert.rejects(
      late.one({ kind: 'status' }),
      error => error instanceof QueryRefused && error.reason === 'busy'
    )
    const other = await client('elsewhere', elsewhere)
    assert.equal((await other.one({ kind: 'status' })).kind, 'status')
    resolve()
    await Promise.all(slow)
    assert.equal((await late.one({ kind: 'status' })).kind, 'status')
  })
})
