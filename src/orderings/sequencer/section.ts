import type { Section } from '../../core/network.js'

/** One designated peer orders. */
export interface SequencerSection extends Section {
  readonly type: 'sequencer'
  /** PeerId of the one who orders. */
  readonly sequencer: string
  /** Messages in a block. */
  readonly blockSize: number
  /** Age of the oldest pending message, ms, at which a shorter block is cut. Never where it is left out. */
  readonly blockTimeout?: number
}
