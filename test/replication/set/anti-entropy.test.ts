import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeTransfer } from '#src/applications/ledger/transfer.js'
import type { Database } from '#src/chain/store.js'
import { equal, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import type { Summary } from '#src/core/set-summary.js'
import { QueryFailed } from '#src/query/query-errors.js'
import { AntiEntropy, type SetSource } from '#src/replication/set/anti-entropy.js'
import { TransferStore } from '#src/replication/set/transfer-store.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import type { Made } from '../../helpers/authors.js'
import { Changes, present } from '../../helpers/changes.js'
import { Cleanup } from '../../helpers/cleanup.js'
import { runs } from '../../helpers/core.js'
import { memoryDatabase } from '../../helpers/memory-database.js'
import { Payer } from '../../helpers/payers.js'
import { makeUnorderedNetwork, type UnorderedTestNetwork } from '../../helpers/unordered.js'

const GRANTS = { alice: 100n, bob: 50n }
const PEERS = 4
const TRANSFERS = 40

/** Who reaches whom; peers of one number do. */
type Groups = readonly number[]

/** What has happened, how often. */
class Counted extends Changes {
  readonly #counts = new Map<string, number>()

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
    this.changed()
  }

  async times(what: string, count: number): Promise<void> {
    await this.until(`${count} times ${what}`, () => (this.#counts.get(what) ?? 0) >= count)
  }
}

/** Sets of several peers in one process. */
class World extends Changes {
  readonly peers: Peer[] = []
  #reach: (from: number, to: number) => boolean = () => true

  private constructor(
    readonly net: UnorderedTestNetwork,
    readonly validation: ValidationPool
  ) {
    super()
  }

  static async of(net: UnorderedTestNetwork, validation: ValidationPool): Promise<World> {
    const world = new World(net, validation)
    for (let number = 0; number < PEERS; number += 1)
      world.peers.push(await Peer.start(world, number, await memoryDatabase()))
    return world
  }

  peer(number: number): Peer {
    return present(this.peers[number])
  }

  reaches(reach: (from: number, to: number) => boolean): void {
    this.#reach = reach
    this.compare()
  }

  others({ number }: Peer): Peer[] {
    return this.peers.filter(other => other.number !== number && this.#reach(number, other.number))
  }

  /** All do, soon. */
  compare(): void {
    for (const peer of this.peers) peer.wake()
    this.changed()
  }

  async stop(): Promise<void> {
    await Promise.all(this.peers.map(peer => peer.stop()))
  }
}

/** A real store, and what compares it with those of others. */
class Peer {
  readonly id: PeerIdBytes
  #store: TransferStore | undefined
  #antiEntropy: AntiEntropy | undefined

  private constructor(
    private readonly world: World,
    readonly number: number,
    private readonly database: Database
  ) {
    this.id = new Uint8Array(38).fill(number) as PeerIdBytes
  }

  static async start(world: World, number: number, database: Database): Promise<Peer> {
    const peer = new Peer(world, number, database)
    await peer.restart()
    return peer
  }

  get store(): TransferStore {
    return present(this.#store)
  }

  /** As others see it. */
  get source(): SetSource {
    const { store } = this
    return {
      status: async () => ({ count: store.transfers.size, digest: store.transfers.digest() }),
      summary: async prefix => store.transfers.summary(prefix),
      transfers: ids => store.envelopes(ids)
    }
  }

  async restart(): Promise<void> {
    await this.stop()
    const { world } = this
    const store = await TransferStore.open({
      database: this.database,
      network: world.net.network,
      changed: () => world.compare(),
      failed: error => assert.fail(error)
    })
    this.#store = store
    this.#antiEntropy = new AntiEntropy({
      host: {
        subscribers: () => world.others(this).map(({ id }) => id),
        onSubscription: () => undefined,
        bringerOf: id => ({ peer: toHex(id), host: toHex(id), site: toHex(id) })
      },
      clock: () => performance.now(),
      topic: 'messages',
      store,
      validation: world.validation,
      sourceOf: id => present(world.peers.find(peer => equal(peer.id, id))).source,
      report: event => assert.fail(JSON.stringify(event))
    })
    await this.#antiEntropy.start()
  }

  async stop(): Promise<void> {
    await this.#antiEntropy?.stop()
    await this.#store?.stored()
  }

  wake(): void {
    this.#antiEntropy?.wake()
  }

  get state(): State {
    const { transfers, sums } = this.store
    const balances = sums.page(undefined, 1_000).map(({ id, balance }) => [toHex(id), balance] as const)
    return { digest: toHex(transfers.digest()), balances: new Map(balances) }
  }
}

interface State {
  readonly digest: string
  readonly balances: ReadonlyMap<string, bigint>
}

const peers = fc.nat(PEERS - 1)
const transfers = fc.nat(TRANSFERS - 1)
const groups: fc.Arbitrary<Groups> = fc.tuple(fc.constant(0), peers, peers, peers)

const history = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('hears' as const), peer: peers, transfer: transfers })
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('divides' as const), groups }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('heals' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restarts' as const), peer: peers }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('settles' as const) }) }
  ),
  { minLength: 5, maxLength: 40 }
)

describe('sets of transfers that are compared', () => {
  const cleanup = new Cleanup(after)
  let net: UnorderedTestNetwork
  let validation: ValidationPool
  let made: readonly Made[]

  before(async () => {
    net = await makeUnorderedNetwork(GRANTS)
    validation = new ValidationPool(net.network)
    await validation.start()
    cleanup.add(() => validation.stop())
    const payers = await Promise.all(['alice', 'bob', 'carol', 'dave'].map(name => Payer.create(net, name)))
    // Far beyond what there is, and each number is used twice.
    made = Array.from({ length: TRANSFERS }, (_, index) => {
      const [from, to] = [present(payers[index % 4]), present(payers[(index * 7 + 1) % 4])]
      const wishes = { sequence: BigInt(1 + (index >> 3)), fee: BigInt(index % 3) }
      return from.pay(to, BigInt(1 + index * index), wishes)
    })
  })

  /** What all accounts have together where these are known: fees go to nobody. */
  function totalAfter(heard: ReadonlySet<Made>): bigint {
    return [...heard].reduce((total, { message: { body } }) => {
      assert.ok(body.kind === 'open')
      return total - decodeTransfer(body.bytes).fee
    }, 150n)
  }

  async function expectConverged(world: World, heard: ReadonlySet<Made>): Promise<void> {
    await world.until('all have all', () =>
      world.peers.every(({ store }) => store.transfers.size === heard.size)
    )
    const [first, ...rest] = world.peers.map(({ state }) => state)
    for (const state of rest) assert.deepEqual(state, first)
    const total = [...present(first).balances.values()].reduce((sum, balance) => sum + balance, 0n)
    assert.equal(total, totalAfter(heard))
  }

  it('come to one digest and one set of sums after any history of hearing, parting, meeting and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), async (events, line) => {
        const world = await World.of(net, validation)
        try {
          const heard = new Set<Made>()
          for (const event of events)
            switch (event.kind) {
              case 'hears': {
                const transfer = present(made[event.transfer])
                heard.add(transfer)
                world.peer(event.peer).store.add(transfer)
                break
              }
              case 'divides':
                world.reaches((from, to) => event.groups[from] === event.groups[to])
                break
              case 'heals':
                world.reaches(() => true)
                break
              case 'restarts':
                await world.peer(event.peer).restart()
                break
              case 'settles':
                await Promise.all(world.peers.map(({ store }) => store.stored()))
                break
            }
          // Whoever reaches one other alone has all in the end, over those between.
          world.reaches((from, to) => Math.abs(line.indexOf(from) - line.indexOf(to)) === 1)
          await expectConverged(world, heard)
        } finally {
          await world.stop()
        }
      }),
      runs(40)
    )
  })

  it('who has nothing to give, and keeps all places taken for that, keeps nobody from having one', async () => {
    const options = { network: net.network, failed: (error: Error) => assert.fail(error) }
    const changes = new Counted()
    const changed = (): void => changes.count('counted')
    const [store, other] = [
      await TransferStore.open({ ...options, database: await memoryDatabase(), changed }),
      await TransferStore.open({ ...options, database: await memoryDatabase(), changed: () => undefined })
    ]
    for (const transfer of made.slice(0, 3)) other.add(transfer)
    await other.stored()
    const idOf = (number: number): PeerIdBytes => new Uint8Array(38).fill(number) as PeerIdBytes
    const honest = idOf(0)
    const liars = Array.from({ length: LIMITS.antiEntropyPeers }, (_, index) => idOf(index + 1))
    const held: ((error: Error) => void)[] = []
    const subscribers = [...liars]
    const antiEntropy = new AntiEntropy({
      host: {
        subscribers: () => subscribers,
        onSubscription: () => undefined,
        bringerOf: id => ({ peer: toHex(id), host: toHex(id), site: toHex(id) })
      },
      clock: () => performance.now(),
      topic: 'messages',
      store,
      validation,
      sourceOf: id => ({
        status: async () => {
          changes.count(equal(id, honest) ? 'honest asked' : 'liar asked')
          return { count: 3, digest: other.transfers.digest() }
        },
        summary: async prefix => {
          if (equal(id, honest)) return other.transfers.summary(prefix)
          const { promise, reject } = Promise.withResolvers<Summary>()
          held.push(reject)
          changes.count('held')
          return promise
        },
        transfers: ids => other.envelopes(ids)
      }),
      report: () => undefined
    })
    await antiEntropy.start()
    try {
      await changes.times('held', liars.length)
      subscribers.push(honest)
      antiEntropy.wake()
      await changes.times('honest asked', 1)
      present(held[0])(new QueryFailed('nothing to give'))
      await changes.times('counted', 1)
      assert.equal(toHex(store.transfers.digest()), toHex(other.transfers.digest()))
    } finally {
      for (const release of held) release(new QueryFailed('it is over'))
      await antiEntropy.stop()
    }
  })
})
