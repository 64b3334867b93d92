import type { Random } from '#tools/localnet/random.js'
import type { VirtualTime } from './virtual-time.js'

/** So many intervals one partition lasts, about: some blocks on both sides, far fewer than a reorg may replace. */
const INTERVALS = 12
/** Of all peers, on the smaller side. */
const SMALLER_SIDE = { least: 0.2, most: 0.5 }

export interface PartitionOptions {
  readonly peers: number
  /** Of how long, ms, they are spread over. */
  readonly duration: number
  /** The share of that time in which the network is split. */
  readonly share: number
  /** Between two blocks, ms. */
  readonly interval: number
}

/** Times in which the network is split in two, between which nothing comes through. */
export class Partitions {
  #sides: readonly boolean[] | undefined

  constructor(
    private readonly time: VirtualTime,
    private readonly random: Random,
    private readonly options: PartitionOptions,
    private readonly healed: () => void
  ) {}

  get isSplit(): boolean {
    return this.#sides !== undefined
  }

  separate(one: number, other: number): boolean {
    return this.#sides !== undefined && this.#sides[one] !== this.#sides[other]
  }

  /** All of one length and each at a random place in its part of the time. */
  plan(): void {
    const { duration, share, interval } = this.options
    if (share === 0) return
    const count = Math.max(1, Math.round((duration * share) / (INTERVALS * interval)))
    const slot = duration / count
    for (let index = 0; index < count; index += 1) {
      const start = slot * (index + this.random.next() * (1 - share))
      this.time.at(start, () => this.#split())
      this.time.at(start + slot * share, () => this.heal())
    }
  }

  heal(): void {
    if (!this.isSplit) return
    this.#sides = undefined
    this.healed()
  }

  #split(): void {
    const smaller = this.random.between(SMALLER_SIDE.least, SMALLER_SIDE.most)
    this.#sides = Array.from({ length: this.options.peers }, () => this.random.next() < smaller)
  }
}
