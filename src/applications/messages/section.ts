import type { Section } from '../../core/network.js'

export interface MessagesSection extends Section {
  readonly type: 'messages'
  /** JSON Schema (2020-12) that each message's JSON must fit. */
  readonly schema: Readonly<Record<string, unknown>>
}
