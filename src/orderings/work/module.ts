import { BLOCK_SIZE, MS, type OrderingModule } from '../ordering.js'
import type { WorkSection } from './section.js'
import { WorkOrdering } from './work.js'

const COMPACT_TARGET = { type: 'string', pattern: '^[0-9a-f]{8}$' } as const

export const workModule: OrderingModule<WorkSection> = {
  type: 'work',
  schema: {
    required: ['start', 'interval', 'halfLife', 'target', 'easiest', 'blockSize', 'emptyBlocks', 'maxReorg'],
    properties: {
      start: { type: 'integer', minimum: 0, maximum: 2 ** 48 },
      interval: MS,
      halfLife: MS,
      target: COMPACT_TARGET,
      easiest: COMPACT_TARGET,
      blockSize: BLOCK_SIZE,
      emptyBlocks: { type: 'boolean' },
      maxReorg: { type: 'integer', minimum: 1, maximum: 1_000 }
    }
  },
  rules: section => new WorkOrdering(section)
}
