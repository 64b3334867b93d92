import type { FoundBlocks } from './found-blocks.js'

interface Stretch {
  /** Of the head that is worked on. */
  readonly height: number
  readonly since: number
}

/**
 * How much of all work was done on heads to which somebody had found a next block already. All miners have the same
 * hash power, so that time on line is work.
 */
export class StaleWork {
  readonly #stretches = new Map<number, Stretch>()
  /** ms of one miner. */
  #all = 0
  #stale = 0

  constructor(private readonly blocks: FoundBlocks) {}

  /** A miner works from now on, on a head of this height. */
  begin(miner: number, height: number, now: number): void {
    this.end(miner, now)
    this.#stretches.set(miner, { height, since: now })
  }

  end(miner: number, now: number): void {
    const stretch = this.#stretches.get(miner)
    if (stretch === undefined) return
    this.#stretches.delete(miner)
    this.#all += now - stretch.since
    const next = this.blocks.firstAt(stretch.height + 1)
    if (next !== undefined) this.#stale += now - Math.max(next, stretch.since)
  }

  endAll(now: number): void {
    for (const miner of [...this.#stretches.keys()]) this.end(miner, now)
  }

  /** The share of it that was stale. */
  get share(): number {
    return this.#all === 0 ? 0 : this.#stale / this.#all
  }
}
