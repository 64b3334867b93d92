import { UsageError } from '#src/cli/failure.js'
import type { OrderingName } from '../localnet/orderings.js'
import type { Topology } from '../localnet/topology.js'

export type NodeRole = 'sequencer' | 'follower' | 'miner'

/** What a managed network is to be. */
export interface Plan {
  readonly ordering: OrderingName
  /** Of each node, from the first one on. */
  readonly roles: readonly NodeRole[]
  /** Blocks that each miner makes unasked; without end where it is left out. */
  readonly mine?: number
  readonly topology: Topology
  /** Of the random choices in the topology. */
  readonly seed: number
}

/** What is wished of it. */
export interface PlanWishes {
  readonly nodes: number
  readonly miners?: number
  readonly mine?: number
  readonly topology: Topology
  readonly seed: number
}

/** More than this many would keep a small machine busy with nothing else. */
const USUAL_MINERS = 2

/** Throws UsageError where that is no network. */
export function planOf(ordering: OrderingName, wishes: PlanWishes): Plan {
  const { nodes, mine, topology, seed } = wishes
  const first = firstOf(ordering, wishes)
  const roles = Array.from({ length: nodes }, (_, index) => first[index] ?? 'follower')
  return { ordering, roles, ...(mine !== undefined && { mine }), topology, seed }
}

/** What those nodes are that come first. All others follow. */
function firstOf(ordering: OrderingName, { nodes, miners, mine }: PlanWishes): NodeRole[] {
  switch (ordering) {
    case 'sequencer':
    case 'none':
      if (miners === undefined && mine === undefined) return ordering === 'none' ? [] : ['sequencer']
      throw new UsageError(
        `nobody mines where ${ordering === 'none' ? 'there is no order' : 'a sequencer orders'}; leave out --miners and --mine, or name another ordering`
      )
    case 'work': {
      const count = miners ?? Math.min(USUAL_MINERS, nodes)
      if (count <= nodes) return Array.from({ length: count }, () => 'miner')
      throw new UsageError(`${count} miners are more than ${nodes} nodes; raise --nodes, or lower --miners`)
    }
  }
}
