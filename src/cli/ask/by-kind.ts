import type { Network } from '../../core/network.js'
import type { AskingOptions } from './asking.js'
import { ChainSource } from './chain-source.js'
import { ChainKnowledge, type Knowledge, SetKnowledge } from './knowledge.js'
import { SetSource } from './set-source.js'
import type { Source } from './source.js'
import { type Place, type SourceOptions, type Target, withPlace } from './target.js'

/** Here alone it is asked whether peers replicate a chain or a set: what commands are given answers for itself. */

/** Opens what there is for as long as `use` takes. */
export function withSource<T>(
  target: Target,
  options: SourceOptions,
  use: (source: Source) => Promise<T>
): Promise<T> {
  return withPlace(target, options, (place, network) => use(sourceAt(place, network)))
}

function sourceAt(place: Place, network: Network): Source {
  return network.kind === 'chain' ? new ChainSource(network, place) : new SetSource(network, place)
}

/** What the peer that is asked knows. */
export function knowledgeOf(network: Network, options: AskingOptions): Knowledge {
  return network.kind === 'chain' ? new ChainKnowledge(options) : new SetKnowledge(options, network)
}
