import { type Hash, toHex } from '../core/bytes.js'

/** Topics and protocols, as docs/PROTOCOL.md lists them. */
export const QUERY_PROTOCOL = '/tallystick/query/1'
export const SUBMIT_PROTOCOL = '/tallystick/submit/1'
export const RECEIPTS_PROTOCOL = '/tallystick/receipts/1'

export interface Topics {
  readonly messages: string
  readonly blocks: string
  readonly evidence: string
}

export function topicsOf(network: Hash): Topics {
  const prefix = `/tallystick/1/${toHex(network)}`
  return { messages: `${prefix}/messages`, blocks: `${prefix}/blocks`, evidence: `${prefix}/evidence` }
}
