import type { LedgerSection } from '#src/applications/ledger/section.js'
import { elapsed, within } from '#src/lifecycle/waiting.js'
import { Localnet, type Peer } from '../../localnet/index.js'
import type { OrderingName } from '../../localnet/orderings.js'
import { Random } from '../../localnet/random.js'
import { neighboursIn } from '../../localnet/topology.js'

/** What a peer holds, in its own words: good for waiting. */
interface Held {
  readonly count: number
  /** Of the last block, or of the set. */
  readonly digest: string
}

/** How long peers may take to agree, and how often they are looked at meanwhile, ms. */
const AGREEMENT_MS = 60_000
const LOOK_MS = 200

/** A block comes soon where somebody waits for it, and none comes where nobody does. */
export function makeLocalnet(ordering: OrderingName, ledger: LedgerSection): Promise<Localnet> {
  const common = { name: 'ledger demo', ledger }
  switch (ordering) {
    case 'sequencer':
      return Localnet.create({ ordering, network: { ...common, blockTimeout: 500 } })
    case 'work':
      return Localnet.create({
        ordering,
        network: { ...common, interval: 1_000, target: '1e7fffff', emptyBlocks: false }
      })
    case 'none':
      return Localnet.create({ ordering, network: common })
  }
}

/** The peers that keep the ledger, each a process. Among equals they make a ring, in this order. */
export class Peers {
  readonly #all: Peer[] = []
  #late: Peer | undefined

  constructor(
    readonly net: Localnet,
    private readonly ordering: OrderingName,
    private readonly followers: number
  ) {}

  /** The late one is the last. */
  get all(): readonly Peer[] {
    return this.#late === undefined ? this.#all : [...this.#all, this.#late]
  }

  get late(): Peer | undefined {
    return this.#late
  }

  /** Whom clients are given to, in turn. */
  entries(): readonly Peer[] {
    const followers = this.#all.filter(({ role }) => role === 'follower')
    return this.ordering === 'sequencer' && followers.length > 0 ? followers : this.#all
  }

  /** Where strangers come from two sides at once. */
  get ends(): readonly [Peer, Peer] {
    const [first, last] = [this.#all[0], this.#all.at(-1)]
    if (first === undefined || last === undefined) throw new Error('no peer has been started')
    return [first, last]
  }

  /** Resolves when all run, and know their neighbours. */
  async start(): Promise<void> {
    const { net, ordering, followers } = this
    const count = Array.from({ length: followers })
    switch (ordering) {
      case 'sequencer':
        this.#all.push(await net.startSequencer())
        this.#all.push(...(await Promise.all(count.map(() => net.startFollower()))))
        return
      case 'work':
        this.#all.push(
          ...(await Promise.all([
            net.startMiner(),
            ...count.map(() => net.startFollower({ connect: [] })),
            net.startMiner()
          ]))
        )
        return this.#acquaint()
      case 'none':
        this.#all.push(
          ...(await Promise.all([...count, undefined].map(() => net.startFollower({ connect: [] }))))
        )
        return this.#acquaint()
    }
  }

  /** One that knows nothing of what was before, and nobody but the first. */
  async startLate(): Promise<void> {
    const [first] = this.ends
    this.#late = await this.net.startFollower({ name: 'late', connect: first.addresses })
  }

  /** From now on two halves of the ring have nothing to do with each other. Gives a peer of each. */
  async divide(): Promise<readonly [Peer, Peer]> {
    const [one, other] = this.#halves()
    await Promise.all([
      ...one.map(peer => peer.avoid(other.map(({ peerId }) => peerId))),
      ...other.map(peer => peer.avoid(one.map(({ peerId }) => peerId)))
    ])
    return this.ends
  }

  async heal(): Promise<void> {
    await Promise.all(this.all.map(peer => peer.avoid([])))
    await this.#acquaint()
  }

  /** Whether all come to hold so many transfers, and to agree on them, in time. */
  agree(count: number, signal: AbortSignal): Promise<boolean> {
    return this.#agreeIn([this.all], count, signal)
  }

  /** The same of each half by itself, where the network is divided. */
  agreeApart(count: number, signal: AbortSignal): Promise<boolean> {
    return this.#agreeIn(this.#halves(), count, signal)
  }

  /** Nothing tells of all that is waited for here, so that it is looked at now and then. */
  async #agreeIn(groups: readonly (readonly Peer[])[], count: number, signal: AbortSignal): Promise<boolean> {
    const late = within(AGREEMENT_MS, signal)
    const isOne = async (group: readonly Peer[]): Promise<boolean> => {
      const [first, ...others] = await Promise.all(group.map(heldBy))
      return first?.count === count && others.every(each => each.digest === first.digest)
    }
    // One that has gone does not come back.
    while (!late.aborted && this.all.every(({ isRunning }) => isRunning)) {
      const agreed = await Promise.all(groups.map(isOne)).catch(() => [false])
      if (agreed.every(Boolean)) return true
      await elapsed(LOOK_MS, late)
    }
    return false
  }

  /** What these have come to now, in their own words. */
  async digests([one, other]: readonly [Peer, Peer]): Promise<readonly [string, string]> {
    return [(await heldBy(one)).digest, (await heldBy(other)).digest]
  }

  /** The late one is with the first, the only one that it knows. */
  #halves(): readonly [readonly Peer[], readonly Peer[]] {
    const middle = Math.ceil(this.#all.length / 2)
    const late = this.#late === undefined ? [] : [this.#late]
    return [[...this.#all.slice(0, middle), ...late], this.#all.slice(middle)]
  }

  async #acquaint(): Promise<void> {
    const neighbours = neighboursIn({ kind: 'ring' }, this.#all.length, new Random(0))
    await Promise.all(
      this.#all.map((peer, index) =>
        peer.connect((neighbours[index] ?? []).flatMap(other => this.#all[other]?.addresses ?? []))
      )
    )
  }
}

async function heldBy(peer: Peer): Promise<Held> {
  const held = await peer.holdings()
  return held.reply === 'set'
    ? { count: held.transfers, digest: held.digest }
    : { count: held.size, digest: held.head }
}
