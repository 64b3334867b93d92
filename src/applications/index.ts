import type { NetworkDocument } from '../core/network-document.js'
import type { Application } from './application.js'
import { LedgerApplication } from './ledger/ledger.js'
import { MessagesApplication } from './messages/messages.js'

/** Throws InvalidNetworkDocument if the application's part of the document makes no sense. */
export function applicationOf({ application }: NetworkDocument): Application<unknown> {
  switch (application.type) {
    case 'messages':
      return new MessagesApplication(application)
    case 'ledger':
      return new LedgerApplication(application)
  }
}
