import type { OrderingName } from '../../localnet/orderings.js'

export interface LedgerDemoOptions {
  readonly ordering: OrderingName
  readonly clients: number
  /** Beside the sequencer or the two miners; where nobody orders, all peers but the first. */
  readonly followers: number
  /** Transfers a second of each client, for `duration` seconds. */
  readonly rate: number
  readonly duration: number
  readonly seed: number
}

/** So that there are some to agree, and a ring that is not the whole network. */
export const USUAL_FOLLOWERS: Readonly<Record<OrderingName, number>> = { sequencer: 2, work: 2, none: 3 }

export function transfersIn({ clients, rate, duration }: LedgerDemoOptions): number {
  return Math.round(clients * rate * duration)
}
