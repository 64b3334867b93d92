import { BLOCK_SIZE, MS, type OrderingModule } from '../ordering.js'
import { mining } from './mining.js'
import { newSection } from './new-section.js'
import type { WorkSection } from './section.js'
import { WorkOrdering } from './work.js'

const DAY_MS = 86_400_000
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
  rules: section => new WorkOrdering(section),
  producer: { role: 'miner', create: mining },
  init: {
    template: {
      start: 0,
      interval: 10_000,
      halfLife: 300_000,
      target: '1e01fffe',
      easiest: '1e07fff8',
      blockSize: 100,
      emptyBlocks: true,
      maxReorg: 100
    },
    phrase: 'is ordered by work',
    options: [
      {
        flags: '--interval <ms>',
        description: 'between two blocks, on average',
        value: { kind: 'whole', least: 1, most: DAY_MS }
      },
      {
        flags: '--half-life <ms>',
        description: 'behind the schedule by this the target has doubled (default: 30 intervals)',
        value: { kind: 'whole', least: 1, most: DAY_MS }
      },
      {
        flags: '--target <hex>',
        description: 'of the first block, in compact form',
        value: {
          kind: 'text',
          pattern: /^[0-9a-f]{8}$/,
          what: 'a target in compact form: 8 hex digits, such as 1e00ffff'
        }
      },
      { flags: '--no-empty-blocks', description: 'no block without a message' },
      {
        flags: '--max-reorg <n>',
        description: 'how many blocks a heavier branch may replace',
        value: { kind: 'whole', least: 1, most: 1_000 }
      }
    ],
    hasOrderer: false,
    rewards: true,
    section: async (template, given, { now }) => newSection(template, given, now),
    next: 'its schedule of blocks begins now: start to mine soon, or make it again when you do'
  }
}
