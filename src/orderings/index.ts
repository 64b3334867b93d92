import type { OrderedNetworkDocument } from '../core/network-document.js'
import type { Ordering } from './ordering.js'
import { SequencerOrdering } from './sequencer/sequencer.js'
import { WorkOrdering } from './work/work.js'

/** Throws InvalidNetworkDocument if the ordering's part of the document makes no sense. */
export function orderingOf({ ordering }: OrderedNetworkDocument): Ordering {
  switch (ordering.type) {
    case 'sequencer':
      return new SequencerOrdering(ordering)
    case 'work':
      return new WorkOrdering(ordering)
  }
}
