import assert from 'node:assert/strict'
import { Chain, type ImportResult } from '#src/chain/chain.js'
import { Mempool } from '#src/chain/mempool.js'
import { ownBlock } from '#src/chain/own-block.js'
import { type CheckpointedHeader, type Header, signHeader } from '#src/core/block.js'
import { equal, toHex, utf8 } from '#src/core/bytes.js'
import type { PeerEvent } from '#src/core/events.js'
import { VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { leafHash } from '#src/core/merkle.js'
import { expectChain } from '#src/core/network.js'
import { Wakeup } from '#src/lifecycle/waiting.js'
import { HashPool } from '#src/orderings/proof-of-work/hash-pool.js'
import { Miner, type MinerOptions } from '#src/orderings/proof-of-work/miner.js'
import type { WorkSection } from '#src/orderings/proof-of-work/section.js'
import { BlockReader } from '#src/query/block-reader.js'
import { networkOf } from '#src/rules/network-document.js'
import { rulesOf } from '#src/rules/rules.js'
import { messageRules } from '#src/validation/message-rules.js'
import { EPOCH } from '../../helpers/blocks.js'
import { present } from '../../helpers/changes.js'
import { openDatabase } from '../../helpers/check-peer.js'
import { Cleanup } from '../../helpers/cleanup.js'
import { signedMessage, signerNamed } from '../../helpers/core.js'
import { childOf, EASY, mined } from '../../helpers/work.js'

const signer = await signerNamed('miner')
const rival = await signerNamed('rival')
const author = await signerNamed('author')
const endless = new AbortController().signal

interface Wishes {
  readonly ordering?: Partial<WorkSection>
  /** Mined unasked. */
  readonly blocks?: number
  /** Searches are endless at first. */
  readonly isHopeless?: true
  readonly changes?: Partial<MinerOptions>
}

interface Search {
  readonly header: Uint8Array
  readonly signal: AbortSignal
}

/** A miner on a real chain with real threads, and what it has been seen to do. */
class Setup {
  /** Its own blocks that have become the head. */
  readonly mined: CheckpointedHeader[] = []
  readonly published: Uint8Array[] = []
  readonly searches: Search[] = []
  readonly failures: Error[] = []
  readonly miner: Miner
  /** Makes searches endless while it is set. */
  isHopeless: boolean
  /** What is done to a block before the miner's own chain gets it. */
  beforeImport: (() => Promise<void>) | undefined
  /** Blocks are dated a whole interval apart, so that the target stays. */
  now = EPOCH
  readonly #events: PeerEvent[] = []
  readonly #seen = new Wakeup()
  #sequence = 0n

  constructor(
    readonly chain: Chain,
    readonly pool: Mempool,
    hashes: HashPool,
    { blocks = 0, isHopeless, changes = {} }: Wishes
  ) {
    this.isHopeless = isHopeless === true
    this.miner = new Miner({
      propose: () => {
        this.now += EASY.interval
        return chain.propose(signer.peerId, this.now)
      },
      importOwn: async block => {
        await this.beforeImport?.()
        const imported = await this.chain.import(block, this.now)
        if (imported.kind === 'extended') this.mined.push(imported.signed)
        this.#seen.wake()
        return ownBlock(imported)
      },
      publish: async block => {
        this.published.push(block)
      },
      pool: {
        find: (header, target, signal) => {
          this.searches.push({ header, signal })
          this.#seen.wake()
          return hashes.find(header, this.isHopeless ? 0n : target, signal)
        },
        hashesPerSecond: () => hashes.hashesPerSecond()
      },
      signer,
      rules: chain.rules.ordering,
      blocks,
      clock: () => 0,
      report: event => {
        this.#events.push(event)
        this.#seen.wake()
      },
      failed: error => {
        this.failures.push(error)
        this.#seen.wake()
      },
      ...changes
    })
  }

  get warnings(): readonly string[] {
    return this.#events.flatMap(event => (event.event === 'warning' ? [event.message] : []))
  }

  get rates(): readonly number[] {
    return this.#events.flatMap(event => (event.event === 'hashrate' ? [event.hashesPerSecond] : []))
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#seen.wait(endless)
  }

  /** Somebody else's block on the head, which the miner has not heard of. */
  async rivalBlock(): Promise<ImportResult> {
    const { chain } = this
    const head = chain.head()
    const { ancestors } = present(chain.place(head.id))
    const { ordering } = chain.rules
    this.now += EASY.interval
    const draft: Header = { ...childOf(head.header, this.now), producer: rival.peerId }
    const signed = signHeader(mined(ordering.prepare(draft, ancestors)), rival, ordering)
    return chain.import({ signed, envelopes: [] }, this.now)
  }

  /** Messages that wait for a block from now on. */
  say(count: number): void {
    for (let index = 0; index < count; index += 1) {
      this.#sequence += 1n
      const name = { author: author.peerId, sequence: this.#sequence }
      const body = { kind: 'open', bytes: utf8('{}') } as const
      const message = { ...name, network: this.chain.rules.network.id, time: EPOCH, body }
      const envelope = signedMessage(message, author)
      assert.deepEqual(this.pool.add({ ...name, envelope, leaf: leafHash(envelope) }), { kind: 'accepted' })
    }
  }
}

describe('a miner', () => {
  const cleanup = new Cleanup(afterEach)

  async function chainOf(ordering: Partial<WorkSection> = {}): Promise<{ chain: Chain; pool: Mempool }> {
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const network = expectChain(
      networkOf({
        tallystick: 1,
        name: 'mined',
        ordering: { ...EASY, ...ordering },
        application: { type: 'messages', schema: {} },
        limits: { messageBytes: 4096 }
      })
    )
    const rules = rulesOf(network)
    const pool = await Mempool.open(database, messageRules(rules), new VerifierCache(), error =>
      assert.fail(error)
    )
    cleanup.add(() => pool.stored())
    return { chain: await Chain.open(database, rules, pool), pool }
  }

  async function setUp(wishes: Wishes = {}): Promise<Setup> {
    const { chain, pool } = await chainOf(wishes.ordering)
    let made = 0
    const hashes = new HashPool({
      threads: 2,
      randomBytes: length => new Uint8Array(length).fill(++made),
      clock: () => performance.now()
    })
    await hashes.start()
    cleanup.add(() => hashes.stop())
    const setup = new Setup(chain, pool, hashes, wishes)
    await setup.miner.start()
    cleanup.add(() => setup.miner.stop())
    return setup
  }

  it('mines as many blocks as it is asked for, each on the one before, and publishes what others take', async () => {
    const setup = await setUp()
    const answer = await setup.miner.produce(5, endless)
    assert.ok(answer.ok)
    assert.deepEqual(
      answer.blocks.map(({ height, id }) => [height, toHex(id)]),
      setup.mined.map(({ header, id }) => [header.height, toHex(id)])
    )
    assert.deepEqual(
      answer.blocks.map(({ height }) => height),
      [1, 2, 3, 4, 5]
    )
    await setup.miner.stop()
    assert.ok(equal(setup.chain.head().id, present(answer.blocks.at(-1)).id), 'and no more')
    const { chain: other } = await chainOf()
    const reader = new BlockReader(other.rules, new VerifierCache())
    for (const bytes of setup.published)
      assert.equal((await other.import(reader.block(bytes), setup.now)).kind, 'extended')
    assert.ok(equal(other.head().id, setup.chain.head().id))
  })

  it('mines unasked as many as it is told to, and then when it is asked', async () => {
    const setup = await setUp({ blocks: 3 })
    await setup.until(() => setup.mined.length === 3)
    const searches = setup.searches.length
    setup.miner.headChanged()
    setup.miner.pendingChanged()
    assert.ok((await setup.miner.produce(1, endless)).ok)
    assert.deepEqual([setup.mined.length, setup.searches.length], [4, searches + 1])
  })

  it('mines without end, whatever it is asked meanwhile, until it is stopped', async () => {
    const setup = await setUp({ blocks: Number.POSITIVE_INFINITY })
    assert.ok((await setup.miner.produce(2, endless)).ok)
    await setup.until(() => setup.mined.length >= 6)
    await setup.miner.stop()
    const { height } = setup.chain.head().header
    assert.deepEqual([setup.mined.length, setup.published.length], [height, height])
  })

  it('takes requests one after the other', async () => {
    const setup = await setUp()
    const answers = await Promise.all([2, 1, 3].map(count => setup.miner.produce(count, endless)))
    assert.deepEqual(
      answers.map(answer => answer.ok && answer.blocks.map(({ height }) => height)),
      [[1, 2], [3], [4, 5, 6]]
    )
  })

  it('gives what is there when a request is ended, and mines no more for it', async () => {
    const setup = await setUp()
    const maxPendingAge = new AbortController()
    setup.beforeImport = async () => {
      if (setup.mined.length === 1) setup.isHopeless = true
    }
    const asked = setup.miner.produce(10, maxPendingAge.signal)
    await setup.until(() => setup.searches.length === 3)
    maxPendingAge.abort()
    const answer = await asked
    assert.ok(answer.ok)
    assert.equal(answer.blocks.length, 2)
    assert.ok(present(setup.searches[2]).signal.aborted, 'the search has ended too')
    assert.deepEqual(await setup.miner.produce(3, AbortSignal.abort()), { ok: true, blocks: [] })
    setup.isHopeless = false
    assert.ok((await setup.miner.produce(1, endless)).ok)
    assert.equal(setup.mined.length, 3)
  })

  it('refuses what it cannot do, with a sentence', async () => {
    const setup = await setUp({ isHopeless: true })
    const { waiting, blocks } = LIMITS.miningRequests
    for (const count of [0, -1, 1.5, blocks + 1, Number.NaN])
      assert.deepEqual(await setup.miner.produce(count, endless), {
        ok: false,
        reason: `${count} blocks cannot be mined at a time; ask for 1 to ${blocks}`
      })
    const requests = Array.from({ length: waiting }, () =>
      setup.miner.produce(1, new AbortController().signal)
    )
    assert.deepEqual(await setup.miner.produce(1, endless), {
      ok: false,
      reason: `${waiting} requests to mine wait already; ask again when one of them is done`
    })
    await setup.miner.stop()
    for (const request of requests) assert.deepEqual(await request, { ok: true, blocks: [] })
    assert.deepEqual(await setup.miner.produce(1, endless), { ok: false, reason: 'this miner is stopping' })
  })

  it('leaves its search at once when the head moves, and begins anew on the new one', async () => {
    const setup = await setUp({ blocks: 1, isHopeless: true })
    for (let block = 1; block <= 5; block += 1) {
      await setup.until(() => setup.searches.length === block)
      assert.equal((await setup.rivalBlock()).kind, 'extended')
      const search = present(setup.searches.at(-1))
      setup.miner.headChanged()
      assert.ok(search.signal.aborted)
      await setup.until(() => setup.searches.length === block + 1)
      const { header } = present(setup.searches.at(-1))
      assert.ok(toHex(header).includes(toHex(setup.chain.head().id)), 'its parent')
    }
    setup.isHopeless = false
    setup.miner.headChanged()
    await setup.until(() => setup.mined.length === 1)
    assert.equal(setup.chain.head().header.height, 6)
  })

  it('takes up messages that come while it searches', async () => {
    const setup = await setUp({ blocks: 1, isHopeless: true })
    await setup.until(() => setup.searches.length === 1)
    setup.say(3)
    setup.miner.pendingChanged()
    setup.isHopeless = false
    await setup.until(() => setup.mined.length === 1)
    assert.equal(setup.chain.head().header.count, 3)
    assert.equal(setup.pool.size, 0)
  })

  it('fills blocks up to blockSize, and mines empty ones where there may be', async () => {
    const setup = await setUp()
    setup.say(25)
    assert.ok((await setup.miner.produce(4, endless)).ok)
    assert.deepEqual(
      setup.mined.map(({ header }) => header.count),
      [10, 10, 5, 0]
    )
  })

  it('waits for messages where no block may be empty', async () => {
    const setup = await setUp({ ordering: { emptyBlocks: false } })
    const asked = setup.miner.produce(2, endless)
    setup.say(4)
    setup.miner.pendingChanged()
    await setup.until(() => setup.mined.length === 1)
    setup.say(2)
    setup.miner.pendingChanged()
    assert.ok((await asked).ok)
    assert.deepEqual(
      setup.mined.map(({ header }) => header.count),
      [4, 2]
    )
  })

  it('neither counts nor publishes a block that came too late', async () => {
    const setup = await setUp()
    setup.beforeImport = async () => {
      setup.beforeImport = undefined
      await setup.rivalBlock()
      await setup.rivalBlock()
    }
    assert.ok((await setup.miner.produce(1, endless)).ok)
    assert.deepEqual(
      setup.mined.map(({ header }) => header.height),
      [3]
    )
    assert.deepEqual([setup.published.length, setup.searches.length], [1, 2])
  })

  it('says so when a block cannot be published, and goes on', async () => {
    const setup = await setUp({
      changes: {
        publish: async () => {
          throw new Error('nobody listens')
        }
      }
    })
    assert.ok((await setup.miner.produce(2, endless)).ok)
    await setup.miner.stop()
    assert.deepEqual(
      setup.warnings,
      [1, 2].map(height => `block ${height} was not published: nobody listens`)
    )
  })

  it('says so when its own block is not valid, as with a wrong clock, and goes on', async () => {
    const setup = await setUp()
    const right = setup.now
    setup.beforeImport = async () => {
      setup.now = setup.warnings.length === 0 ? 0 : right
    }
    assert.ok((await setup.miner.produce(1, endless)).ok)
    assert.equal(setup.warnings.length, 1)
    assert.match(
      setup.warnings[0] ?? '',
      /^a block that was mined here is not valid \(block 1: future: .*\); is the clock right\?$/
    )
  })

  it('reports its hash rate every ten seconds of its clock', async () => {
    let now = 0
    const setup = await setUp({
      changes: {
        clock: () => {
          now += 2_500
          return now
        }
      }
    })
    assert.ok((await setup.miner.produce(9, endless)).ok)
    assert.ok(setup.rates.length >= 2 && setup.rates.length < 9)
    assert.ok(setup.rates.every(rate => rate > 0))
  })

  it('tells whoever runs it when the threads fail, gives up what was asked of it, and stops all the same', async () => {
    const setup = await setUp({
      changes: {
        pool: {
          find: () => Promise.reject(new Error('no thread')),
          hashesPerSecond: () => 0
        }
      }
    })
    assert.deepEqual(await setup.miner.produce(1, endless), { ok: true, blocks: [] })
    await setup.until(() => setup.failures.length > 0)
    assert.deepEqual(
      setup.failures.map(({ message }) => message),
      ['no thread']
    )
    await setup.miner.stop()
  })
})
