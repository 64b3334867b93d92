import { BLOCK_SIZE, MS, type OrderingModule, PEER_ID } from '../ordering.js'
import type { SequencerSection } from './section.js'
import { SequencerOrdering } from './sequencer.js'

export const sequencerModule: OrderingModule<SequencerSection> = {
  type: 'sequencer',
  schema: {
    required: ['sequencer', 'blockSize'],
    properties: { sequencer: PEER_ID, blockSize: BLOCK_SIZE, blockTimeout: MS }
  },
  rules: section => new SequencerOrdering(section),
  init: {
    phrase: 'is ordered by a sequencer',
    options: [
      {
        flags: '--block-timeout <ms>',
        description: 'cut a shorter block when the oldest pending message is this old',
        value: { kind: 'whole', least: 1 }
      }
    ],
    hasOrderer: true,
    rewards: false,
    section: async (template, given, { isPrompt, orderer }) => ({
      ...template,
      sequencer: await orderer(),
      ...(isPrompt && { blockTimeout: PROMPT_TIMEOUT_MS }),
      ...given
    }),
    next: undefined
  }
}

/** Who has paid waits for the block: only then can the other one spend it. */
const PROMPT_TIMEOUT_MS = 1_000
