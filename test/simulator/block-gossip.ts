import { toHex } from '#src/core/bytes.js'
import { describeFault } from '#src/core/fault.js'
import { LIMITS } from '#src/core/limits.js'
import { Orphans } from '#src/replication/chain/orphans.js'
import { type FoundBlock, isPreferred } from './found-blocks.js'
import type { Links } from './links.js'
import type { Observations } from './observations.js'
import type { Duty, Peer } from './peer.js'

/**
 * How blocks get about: whoever has taken one tells its neighbours; whoever misses the parent of one asks who told
 * of it for the headers down to what it has, and then for the blocks. A model of gossip and of `ForkSync`.
 */
export class BlockGossip implements Duty {
  /** Set once all are there. */
  neighbours: readonly BlockGossip[] = []
  #orphans = new Orphans()
  /** What has been looked at since the start. */
  readonly #known = new Set<FoundBlock>()
  /** When the blocks before one were asked for. */
  readonly #asked = new Map<FoundBlock, number>()
  #best: FoundBlock | undefined

  constructor(
    readonly peer: Peer,
    private readonly links: Links,
    private readonly observations: Observations,
    /** How long an answer may take before somebody else is asked, ms. */
    private readonly maxPendingAge: number
  ) {}

  /** What was only in memory is gone. */
  started(): void {
    this.#orphans = new Orphans()
    this.#known.clear()
    this.#asked.clear()
  }

  /** Brings an own block, or one from elsewhere, into the chain, and whatever waited for it. */
  async take(found: FoundBlock, from: BlockGossip | undefined): Promise<void> {
    const { chain, surroundings } = this.peer
    if (chain === undefined || this.#known.has(found)) return
    const imported = await chain.import(found.block, surroundings.time.clock, found.names)
    switch (imported.kind) {
      case 'orphan':
        if (from !== undefined) this.#wait(found, from)
        return
      case 'invalid':
        surroundings.violations.add('valid', this.peer.name, describeFault(imported.fault))
        break
      case 'reorganized':
        this.observations.reorganized(this.peer, imported.depth)
        break
      case 'conflict':
        this.observations.metTooDeep()
        break
      case 'extended':
      case 'side':
      case 'known':
        break
    }
    this.#known.add(found)
    if (imported.kind === 'extended' || imported.kind === 'reorganized') this.peer.moved(found)
    if (imported.kind === 'invalid' || imported.kind === 'conflict') return
    this.#expectBest(found)
    if (imported.kind !== 'known') this.#spread(found, from)
    for (const { signed } of this.#orphans.takeChildren(found.block.signed.id)) {
      const child = surroundings.blocks.get(signed.id)
      if (child !== undefined) await this.take(child, from)
    }
  }

  /** What the peer has added to its chain by itself. */
  publish(found: FoundBlock): void {
    this.#known.add(found)
    this.peer.moved(found)
    this.#expectBest(found)
    this.#spread(found, undefined)
  }

  /** Answers a neighbour that asks which block is the head here. */
  answer(asking: BlockGossip): void {
    const { head } = this.peer
    if (head === undefined || asking.#known.has(head)) return
    this.#send(asking, () => asking.take(head, this))
  }

  #spread(found: FoundBlock, from: BlockGossip | undefined): void {
    if (from !== undefined) this.observations.reached(this.peer, found)
    // To one who knows it nothing would happen.
    for (const other of this.neighbours)
      if (other !== from && !other.#known.has(found)) this.#send(other, () => other.take(found, this))
  }

  #wait(found: FoundBlock, from: BlockGossip): void {
    const { time } = this.peer.surroundings
    this.#orphans.add(found.block, from.peer.signer.peerId, found.bytes, time.now)
    const asked = this.#asked.get(found)
    if (asked !== undefined && time.now - asked < this.maxPendingAge) return
    this.#asked.set(found, time.now)
    this.#ask(from, () => this.#fetch(from, this.#missingUpTo(found)))
  }

  /** One page after the other, the lowest blocks first. */
  #fetch(from: BlockGossip, missing: readonly FoundBlock[]): void {
    if (missing.length === 0) return
    this.#ask(from, async () => {
      for (const block of missing.slice(0, LIMITS.syncBlocks)) await this.take(block, from)
      this.#fetch(from, missing.slice(LIMITS.syncBlocks))
    })
  }

  /** A question and its answer; none comes from one who is not there any more. */
  #ask(other: BlockGossip, answered: () => void | Promise<void>): void {
    this.#send(other, () => {
      if (other.peer.isOnline) other.#send(this, answered)
    })
  }

  #send(to: BlockGossip, arrive: () => void | Promise<void>): void {
    this.links.send(this.peer.index, to.peer.index, arrive)
  }

  /** What the headers before a block show: the blocks that are not here, lowest first; none where they fork off too deep. */
  #missingUpTo(found: FoundBlock): readonly FoundBlock[] {
    const { chain } = this.peer
    if (chain === undefined) return []
    const missing: FoundBlock[] = []
    for (let block: FoundBlock | undefined = found; block !== undefined; block = block.parent) {
      const { id } = block.block.signed
      if (chain.place(id) !== undefined || chain.headerById(id) !== undefined) return missing
      if (block.height <= chain.root.header.height) {
        this.observations.metTooDeep()
        return []
      }
      missing.unshift(block)
    }
    return missing
  }

  #expectBest(found: FoundBlock): void {
    if (isPreferred(found, this.#best)) this.#best = found
    const { head, name, surroundings } = this.peer
    if (head === this.#best) return
    surroundings.violations.add('heaviest', name, `its head is ${told(head)}, but it has ${told(this.#best)}`)
  }
}

function told(found: FoundBlock | undefined): string {
  if (found === undefined) return 'the genesis'
  const { height, weight, block } = found
  return `block ${height} of weight ${weight}, id ${toHex(block.signed.id).slice(0, 16)}…`
}
