import { DecodeError } from '../../core/codec.js'
import { JsonTooLarge, readCanonicalJson, utf8Text } from '../../core/json.js'
import { LIMITS } from '../../core/limits.js'
import { InvalidNetworkDocument } from '../../core/network.js'
import type { ApplicationModule } from '../application.js'
import { MessagesApplication } from './messages.js'
import type { MessagesSection } from './section.js'

export const messagesModule: ApplicationModule<MessagesSection> = {
  type: 'messages',
  schema: { required: ['schema'], properties: { schema: { type: 'object' } } },
  show: body => {
    const text = utf8Text(body)
    if (text === undefined) throw new DecodeError('it is not UTF-8')
    try {
      readCanonicalJson(text, { depth: LIMITS.bodyDepth, values: LIMITS.bodyValues })
    } catch (error) {
      // Earlier versions took larger ones.
      if (error instanceof JsonTooLarge) return { kind: 'json', json: text, text }
      throw error
    }
    return { kind: 'json', json: JSON.parse(text), text }
  },
  init: {
    options: [
      {
        flags: '--schema <file>',
        description: 'JSON Schema (2020-12) of a message',
        value: { kind: 'file' }
      }
    ],
    takesSet: false,
    isPrompt: false,
    section: (template, given) => ({ ...template, ...given })
  },
  rules: section => new MessagesApplication(section),
  expectOrdering: () => undefined,
  expectSet: () => {
    throw new InvalidNetworkDocument(
      '/application/type: messages need an order; with ordering none it must be ledger'
    )
  }
}
