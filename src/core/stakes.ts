import type { PeerIdBytes } from './bytes.js'

/** What accounts have at stake as one state has it, in the application's smallest unit. One is asked for at a time. */
export interface StakeView {
  of(account: PeerIdBytes): bigint
  readonly total: bigint
}

export const NO_STAKES: StakeView = { of: () => 0n, total: 0n }
