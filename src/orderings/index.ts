import type { NetworkDocument } from '../core/network-document.js'
import type { Ordering } from './ordering.js'
import { SequencerOrdering } from './sequencer.js'

export function orderingOf(document: NetworkDocument): Ordering {
  return new SequencerOrdering(document.ordering)
}
