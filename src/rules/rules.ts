import type { Application, SetApplication } from '../applications/application.js'
import { applicationModule } from '../applications/registry.js'
import type { ChainNetwork, Network, SetNetwork } from '../core/network.js'
import type { Ordering } from '../orderings/ordering.js'
import { orderingModule } from '../orderings/registry.js'

/** The rules that every peer of a network applies to a block. */
export interface Rules {
  readonly network: ChainNetwork
  readonly ordering: Ordering
  readonly application: Application<unknown>
}

/** Its ordering alone: to make the application's rules may take long. */
export function orderingOf({ document: { ordering } }: ChainNetwork): Ordering {
  return orderingModule(ordering).rules(ordering)
}

/** What a network document says, as rules. Throws InvalidNetworkDocument if its application makes no sense. */
export function rulesOf(network: ChainNetwork): Rules {
  const { application } = network.document
  return {
    network,
    ordering: orderingOf(network),
    application: applicationModule(application).rules(application)
  }
}

/** The same where nothing is put into order. Throws InvalidNetworkDocument. */
export function setRulesOf({ document: { application } }: SetNetwork): SetApplication {
  return applicationModule(application).expectSet(application)
}

/** Throws InvalidNetworkDocument if the application makes no sense, in any ordering. */
export function expectRules(network: Network): void {
  if (network.kind === 'chain') rulesOf(network)
  else setRulesOf(network)
}

/** Where messages change a state, every peer must be able to read them, in any ordering. */
export function bodiesOf({
  ordering,
  application
}: Pick<Rules, 'ordering' | 'application'>): Ordering['bodies'] {
  return application.isStateless ? ordering.bodies : 'open'
}
