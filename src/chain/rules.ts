import { applicationOf } from '../applications/index.js'
import type { Network } from '../core/network-document.js'
import { orderingOf } from '../orderings/index.js'
import type { Rules } from './cursor.js'

/** What a network document says, as rules. Throws InvalidNetworkDocument if its application makes no sense. */
export function rulesOf(network: Network): Rules {
  const { document } = network
  return { network, ordering: orderingOf(document), application: applicationOf(document) }
}
