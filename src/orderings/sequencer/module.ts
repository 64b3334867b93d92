import { BLOCK_SIZE, MS, type OrderingModule, PEER_ID } from '../ordering.js'
import type { SequencerSection } from './section.js'
import { SequencerOrdering } from './sequencer.js'

export const sequencerModule: OrderingModule<SequencerSection> = {
  type: 'sequencer',
  schema: {
    required: ['sequencer', 'blockSize'],
    properties: { sequencer: PEER_ID, blockSize: BLOCK_SIZE, blockTimeout: MS }
  },
  rules: section => new SequencerOrdering(section)
}
