import type { OwnBlock } from '../orderings/producer.js'
import type { Imported } from './chain.js'

/** What the producer of a block hears of its import. */
export function ownBlock(imported: Imported): OwnBlock {
  switch (imported.kind) {
    case 'extended':
    case 'reorganized':
      return { kind: 'head' }
    case 'invalid':
      return imported
    case 'beside':
    case 'known':
    case 'orphan':
    case 'conflict':
      return { kind: 'superseded' }
  }
}
