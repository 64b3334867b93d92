import type { SignedTransfer } from './signed-transfer.js'

/** What one peer shows of the ledger over the query protocol, as far as it has been verified. Accounts are PeerIds in their usual text. */
export interface View {
  readonly peer: string
  /** Of the last block's state, or of the set of transfers. */
  readonly digest: string
  /** Of the last block; undefined where there are no blocks. */
  readonly head: string | undefined
  /** All that the peer tells of. */
  readonly balances: ReadonlyMap<string, bigint>
  /** In their order, where they have one. */
  readonly transfers: readonly SignedTransfer[]
  /** From the first one on, each with so many of the transfers; none where there is no order. */
  readonly blocks: readonly ShownBlock[]
}

export interface ShownBlock {
  readonly producer: string
  readonly count: number
}
