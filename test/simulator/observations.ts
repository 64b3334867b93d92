import { Agreement } from './agreement.js'
import type { FoundBlock } from './found-blocks.js'
import type { Duty, Peer, Surroundings } from './peer.js'
import { StaleWork } from './stale-work.js'

/** What is measured on the way. */
export class Observations {
  readonly agreement = new Agreement()
  readonly staleWork: StaleWork
  /** By depth: how many times a peer has left so many blocks for others. */
  readonly reorgs = new Map<number, number>()
  /** From when a block was found to when it was taken, ms, of each block at each other peer that was there all that time. */
  readonly delays: number[] = []
  /** Branches that were not taken, as they fork off deeper than a reorg may reach. */
  tooDeep = 0
  #isMeasuring = true
  readonly #onlineSince = new Map<Peer, number>()

  constructor(private readonly surroundings: Surroundings) {
    this.staleWork = new StaleWork(surroundings.blocks)
  }

  /** Has this peer watched. `isMiner`: whether its head is worked on. */
  watch(peer: Peer, isMiner: boolean): Duty {
    const { time } = this.surroundings
    let standing: FoundBlock | undefined
    const work = (): void => {
      if (isMiner && this.#isMeasuring) this.staleWork.begin(peer.index, peer.head?.height ?? 0, time.now)
    }
    return {
      started: () => {
        this.#onlineSince.set(peer, time.now)
        standing = peer.head
        this.agreement.enter(standing, time.now)
        work()
      },
      moved: () => {
        this.agreement.enter(peer.head, time.now)
        this.agreement.leave(standing, time.now)
        standing = peer.head
        work()
      },
      stopping: () => {
        this.#onlineSince.delete(peer)
        this.agreement.leave(standing, time.now)
        this.staleWork.end(peer.index, time.now)
      }
    }
  }

  reached(peer: Peer, { at }: FoundBlock): void {
    const since = this.#onlineSince.get(peer)
    if (this.#isMeasuring && since !== undefined && since <= at)
      this.delays.push(this.surroundings.time.now - at)
  }

  reorganized(peer: Peer, depth: number): void {
    const { rules, violations } = this.surroundings
    if (this.#isMeasuring) this.reorgs.set(depth, (this.reorgs.get(depth) ?? 0) + 1)
    const { maxReorg } = rules.ordering
    if (depth > maxReorg) violations.add('depth', peer.name, `a reorg of ${depth} blocks; ${maxReorg} may be`)
  }

  metTooDeep(): void {
    this.tooDeep += 1
  }

  /** What comes now is not counted any more. */
  finish(): void {
    this.staleWork.endAll(this.surroundings.time.now)
    this.#isMeasuring = false
  }
}
