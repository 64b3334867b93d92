import { InvalidNetworkDocument, type Section } from '../core/network.js'
import type { OrderingModule } from './ordering.js'
import { workModule } from './proof-of-work/module.js'
import { sequencerModule } from './sequencer/module.js'

/** All orderings that there are. A new one is a folder beside these and a line here. */
export const ORDERINGS = [sequencerModule, workModule] as const

const MODULES: readonly OrderingModule[] = ORDERINGS

/** Throws InvalidNetworkDocument where no module has this type. */
export function orderingModule({ type }: Section): OrderingModule {
  const found = MODULES.find(module => module.type === type)
  if (found === undefined) throw new InvalidNetworkDocument(`/ordering/type: "${type}" is not known here`)
  return found
}
