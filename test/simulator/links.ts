import type { Random } from '#tools/localnet/random.js'
import { neighboursIn } from '#tools/localnet/topology.js'
import type { Action } from './event-queue.js'
import type { Partitions } from './partitions.js'
import { exponential } from './random.js'
import type { VirtualTime } from './virtual-time.js'

/** How many others each peer keeps connected to at least. */
const DEGREE = 8

export interface LinkOptions {
  readonly peers: number
  /** Of one message on one link, ms on average. */
  readonly delay: number
  /** The share of messages that get lost. */
  readonly loss: number
}

/** Who is connected to whom, and what becomes of a message on its way. */
export class Links {
  readonly neighbours: readonly (readonly number[])[]
  readonly #means = new Map<number, number>()

  constructor(
    private readonly time: VirtualTime,
    private readonly random: Random,
    private readonly partitions: Partitions,
    private readonly options: LinkOptions
  ) {
    this.neighbours = neighboursIn({ kind: 'random', degree: DEGREE }, options.peers, random)
  }

  /** `arrive` happens after a while, unless the message is lost or a partition is in its way. */
  send(from: number, to: number, arrive: Action): void {
    if (this.partitions.separate(from, to) || this.random.next() < this.options.loss) return
    const mean = this.#meanBetween(from, to)
    // One half is the distance, the other one waits in queues.
    this.time.after(mean / 2 + exponential(this.random, mean / 2), arrive)
  }

  /** Some links are longer than others, and stay so. */
  #meanBetween(from: number, to: number): number {
    const { peers, delay } = this.options
    const link = Math.min(from, to) * peers + Math.max(from, to)
    const known = this.#means.get(link)
    if (known !== undefined) return known
    const mean = this.random.between(0.5 * delay, 1.5 * delay)
    this.#means.set(link, mean)
    return mean
  }
}
