import type { EnvelopeBytes, Hash, PeerIdBytes } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import { decodeMessage } from '../core/message.js'

/** No other message of a network has both. */
export interface MessageName {
  readonly author: PeerIdBytes
  readonly sequence: bigint
}

/** A message that has been found valid, on its way to a position. */
export interface Candidate extends MessageName {
  readonly envelope: EnvelopeBytes
  readonly leaf: Hash
}

/** With its place in the order of the log. */
export interface Positioned extends Candidate {
  readonly position: number
}

/** As a key of maps and sets. */
export function nameOf({ author, sequence }: MessageName): string {
  return `${Buffer.from(author).toString('latin1')} ${sequence}`
}

/** Of a message that has been checked. */
export function nameIn(envelope: EnvelopeBytes): MessageName {
  return decodeMessage(decodeEnvelope(envelope).payload)
}
