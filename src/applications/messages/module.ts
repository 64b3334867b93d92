import { InvalidNetworkDocument } from '../../core/network.js'
import type { ApplicationModule } from '../application.js'
import { MessagesApplication } from './messages.js'
import type { MessagesSection } from './section.js'

export const messagesModule: ApplicationModule<MessagesSection> = {
  type: 'messages',
  schema: { required: ['schema'], properties: { schema: { type: 'object' } } },
  rules: section => new MessagesApplication(section),
  expectOrdering: () => undefined,
  expectSet: () => {
    throw new InvalidNetworkDocument(
      '/application/type: messages need an order; with ordering none it must be ledger'
    )
  }
}
