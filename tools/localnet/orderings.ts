import { InvalidNetworkDocument, type Network } from '#src/core/network.js'

/** The orderings whose networks the tools make and run; the product may have more. */
export const ORDERINGS = ['sequencer', 'work', 'none'] as const
export type OrderingName = (typeof ORDERINGS)[number]

/** Throws InvalidNetworkDocument where the tools do not run networks of its ordering. */
export function orderingNameOf({ document: { ordering, name } }: Network): OrderingName {
  const found = ORDERINGS.find(known => known === ordering.type)
  if (found === undefined)
    throw new InvalidNetworkDocument(
      `"${name}" is ordered by ${ordering.type}: start its peers by themselves`
    )
  return found
}
