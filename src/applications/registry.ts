import { InvalidNetworkDocument, type Section } from '../core/network.js'
import type { ApplicationModule } from './application.js'
import { ledgerModule } from './ledger/module.js'
import { messagesModule } from './messages/module.js'

/** All applications that there are. A new one is a folder beside these and a line here. */
export const APPLICATIONS: readonly ApplicationModule[] = [messagesModule, ledgerModule]

/** Throws InvalidNetworkDocument where no module has this type. */
export function applicationModule({ type }: Section): ApplicationModule {
  const found = APPLICATIONS.find(module => module.type === type)
  if (found === undefined) throw new InvalidNetworkDocument(`/application/type: "${type}" is not known here`)
  return found
}
