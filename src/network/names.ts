import { type Hash, toHex } from '../core/bytes.js'

/** Topics and protocols, as docs/PROTOCOL.md lists them. */
export const QUERY_PROTOCOL = '/tallystick/query/1'
export const SUBMIT_PROTOCOL = '/tallystick/submit/1'
export const RECEIPTS_PROTOCOL = '/tallystick/receipts/1'
export const ADDRESSES_PROTOCOL = '/tallystick/addresses/1'

/** Those of a log. */
export interface Topics {
  readonly messages: string
  readonly blocks: string
  readonly evidence: string
}

export function topicsOf(network: Hash): Topics {
  const prefix = prefixOf(network)
  return { messages: `${prefix}/messages`, blocks: `${prefix}/blocks`, evidence: `${prefix}/evidence` }
}

/** The chat's is apart from them: its peers take no part in the log, and the log's peers pass no chat on. */
export function chatTopicOf(network: Hash): string {
  return `${prefixOf(network)}/chat`
}

function prefixOf(network: Hash): string {
  return `/tallystick/1/${toHex(network)}`
}
