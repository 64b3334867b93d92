import { UsageError } from '../cli/failure.js'
import type { Topology } from '../localnet/topology.js'

export const ORDERINGS = ['sequencer'] as const
export type OrderingName = (typeof ORDERINGS)[number]
export type NodeRole = 'sequencer' | 'follower'

/** What a managed network is to be. */
export interface Plan {
  readonly ordering: OrderingName
  /** Of each node, from the first one on. */
  readonly roles: readonly NodeRole[]
  readonly topology: Topology
  /** Of the random choices in the topology. */
  readonly seed: number
}

/** What each of so many nodes is. Throws UsageError where that is no network. */
export function rolesOf(ordering: OrderingName, nodes: number, miners: number | undefined): NodeRole[] {
  if (miners !== undefined)
    throw new UsageError(`a network that is ordered by ${ordering} has no miners; leave out --miners`)
  return Array.from({ length: nodes }, (_, index) => (index === 0 ? 'sequencer' : 'follower'))
}
