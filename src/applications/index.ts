import { InvalidNetworkDocument, type NetworkDocument } from '../core/network-document.js'
import { MessagesApplication } from './messages.js'

/** Throws InvalidNetworkDocument if the application's part of the document makes no sense. */
export function applicationOf({ application }: NetworkDocument): MessagesApplication {
  switch (application.type) {
    case 'messages':
      return new MessagesApplication(application)
    case 'ledger':
      throw new InvalidNetworkDocument('networks that keep a ledger are not built yet')
  }
}
