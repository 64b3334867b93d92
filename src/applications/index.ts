import type { NetworkDocument } from '../core/network-document.js'
import { MessagesApplication } from './messages.js'

/** Throws InvalidNetworkDocument if the application's part of the document makes no sense. */
export function applicationOf(document: NetworkDocument): MessagesApplication {
  return new MessagesApplication(document.application)
}
