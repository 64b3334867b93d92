import { type Forks, forksOf } from './forks.js'
import { chainDownFrom } from './found-blocks.js'
import { mean, percentile } from './statistics.js'
import type { VirtualNetwork } from './virtual-network.js'

/** What came of a run, counted within its hours. Times in ms. */
export interface Measures {
  readonly blocks: { readonly found: number; readonly main: number; readonly stale: number }
  /** Between two blocks of the main chain, on average. */
  readonly interval: number | undefined
  /** Undefined where nobody mines. */
  readonly forks: Forks | undefined
  /** By depth, of all peers together. */
  readonly reorgs: readonly { readonly depth: number; readonly times: number }[]
  /** Branches that no reorg may reach, each time one was met. */
  readonly tooDeep: number
  /** From a block to another peer than its finder that was on line all the while. */
  readonly propagation: {
    readonly mean: number | undefined
    readonly p50: number | undefined
    readonly p90: number | undefined
  }
  /** From the end of each partition to when all peers on line stood on one head. */
  readonly convergence: { readonly times: readonly number[]; readonly unfinished: number }
  readonly messages: { readonly written: number; readonly contradicted: number }
}

export function measuresOf(net: VirtualNetwork): Measures {
  const { options, nodes, interval, duration: end, surroundings, observations, writing } = net
  const { delays, agreement, reorgs, tooDeep, staleWork } = observations
  const found = surroundings.blocks.all.filter(({ at }) => at <= end)
  const main = [...chainDownFrom(nodes[0]?.peer.head)].filter(({ at }) => at <= end)
  const atHeight = new Map<number, number>()
  for (const { height } of found) atHeight.set(height, (atHeight.get(height) ?? 0) + 1)
  const forked = main.filter(({ height }) => (atHeight.get(height) ?? 0) > 1).length
  const effectiveDelay = main.length === 0 ? 0 : (staleWork.share * end) / main.length
  return {
    blocks: { found: found.length, main: main.length, stale: found.length - main.length },
    interval: main.length === 0 ? undefined : end / main.length,
    forks: options.ordering === 'work' ? forksOf(forked, main.length, effectiveDelay, interval) : undefined,
    reorgs: [...reorgs]
      .map(([depth, times]) => ({ depth, times }))
      .sort((one, other) => one.depth - other.depth),
    tooDeep,
    propagation: { mean: mean(delays), p50: percentile(delays, 0.5), p90: percentile(delays, 0.9) },
    convergence: { times: agreement.times, unfinished: agreement.unfinished },
    messages: { written: writing.written.size, contradicted: writing.contradictions }
  }
}
