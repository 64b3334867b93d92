import { type Expectation, expectation } from './statistics.js'

/** How often two blocks were found at one height, and how often that should be. */
export interface Forks {
  /** Of the main chain. */
  readonly heights: number
  /** The share of them at which more than one block was found. */
  readonly rate: number
  /**
   * From when the first block of a height is found to when other hash power than its finder's has one of that height
   * to go on from, ms on average over all hash power.
   */
  readonly effectiveDelay: number
  /** 1 − e^(−delay / interval), where the interval is the one that is configured. */
  readonly first: Expectation
  /**
   * 1 − e^(−delay / (interval − delay)): ASERT keeps the main chain to its interval, of which the delay goes by before
   * all hash power works on the next height. What is left is how long all of it needs for a block.
   */
  readonly second: Expectation
}

/** `interval`: ms, as configured. */
export function forksOf(forked: number, heights: number, effectiveDelay: number, interval: number): Forks {
  const rate = heights === 0 ? 0 : forked / heights
  const within = (mean: number): Expectation =>
    expectation(mean > 0 ? 1 - Math.exp(-effectiveDelay / mean) : 1, rate, heights)
  return { heights, rate, effectiveDelay, first: within(interval), second: within(interval - effectiveDelay) }
}
