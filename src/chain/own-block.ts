import type { OwnBlock } from '../orderings/producer.js'
import type { ImportResult } from './chain.js'

/** What the producer of a block hears of its import. */
export function ownBlock(imported: ImportResult): OwnBlock {
  switch (imported.kind) {
    case 'extended':
    case 'reorganized':
      return { kind: 'head' }
    case 'invalid':
      return imported
    case 'side':
    case 'known':
    case 'orphan':
    case 'conflict':
      return { kind: 'superseded' }
  }
}
