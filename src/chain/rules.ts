import { applicationOf } from '../applications/index.js'
import { UnorderedLedger } from '../applications/ledger/unordered.js'
import type { Network, OrderedNetwork } from '../core/network-document.js'
import { orderingOf } from '../orderings/index.js'
import type { Ordering } from '../orderings/ordering.js'
import type { Rules } from './cursor.js'

/** What a network document says, as rules. Throws InvalidNetworkDocument if its application makes no sense. */
export function rulesOf(network: OrderedNetwork): Rules {
  const { document } = network
  return { network, ordering: orderingOf(document), application: applicationOf(document) }
}

/** Throws InvalidNetworkDocument if the application makes no sense, in any ordering. */
export function expectRules(network: Network): void {
  if (network.kind === 'ordered') rulesOf(network)
  else new UnorderedLedger(network.document.application)
}

/** Where what is said changes a state, everybody must be able to read it, whoever orders. */
export function bodiesOf({
  ordering,
  application
}: Pick<Rules, 'ordering' | 'application'>): Ordering['bodies'] {
  return application.isStateless ? ordering.bodies : 'open'
}
