import type { Section } from '../../core/network.js'

/** Proof of work. Times in ms; targets in compact form, 8 hex digits. */
export interface WorkSection extends Section {
  readonly type: 'work'
  /** When the genesis was, since 1970: the schedule of blocks begins there. */
  readonly start: number
  /** Between two blocks, on average. */
  readonly interval: number
  /** How far behind the schedule the chain must be for the target to have doubled. */
  readonly halfLife: number
  /** Of the first block. */
  readonly target: string
  /** The easiest that a block may ever have. */
  readonly easiest: string
  /** Messages in a block at most. */
  readonly blockSize: number
  /** Whether a block may have no messages. */
  readonly emptyBlocks: boolean
  /** How many blocks a heavier branch may replace. */
  readonly maxReorg: number
}
