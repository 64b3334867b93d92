import { asHash, type Hash, type PeerIdBytes } from './bytes.js'
import { DecodeError, decodeCanonical, expectLength } from './codec.js'
import { Message as WireMessage } from './wire/tallystick.js'

/** The payload of a message's envelope: who says it, in which network, as which of its messages. */

export const KEY_ID_LENGTH = 8
const ENC_LENGTH = 32
export const TAG_LENGTH = 16
/** Plaintexts are padded to a multiple of this before they are sealed. */
export const PADDING_STEP = 64

/** A PeerId is an identity multihash of up to 42 bytes of key, or a SHA-256 multihash. */
const PEER_ID_LENGTH = { least: 34, most: 44 } as const

export interface Sealed {
  readonly keyId: Uint8Array
  readonly enc: Uint8Array
  readonly ciphertext: Uint8Array
}

export type Body =
  | { readonly kind: 'open'; readonly bytes: Uint8Array }
  | { readonly kind: 'sealed'; readonly sealed: Sealed }

/** `time` is the author's claim in ms since 1970 and never decides an order. */
export interface Message {
  readonly network: Hash
  readonly author: PeerIdBytes
  readonly sequence: bigint
  readonly time: number
  readonly body: Body
}

export function encodeMessage(message: Message): Uint8Array {
  const { network, author, sequence, time, body } = message
  const claim = { network, author, sequence, time }
  return WireMessage.encode(
    body.kind === 'open' ? { ...claim, open: body.bytes } : { ...claim, sealed: body.sealed }
  )
}

/** Throws DecodeError. */
export function decodeMessage(payload: Uint8Array): Message {
  const { network, author, sequence, time, open, sealed } = decodeCanonical('message', WireMessage, payload)
  expectLength('message network', network, 32)
  if (author.length < PEER_ID_LENGTH.least || author.length > PEER_ID_LENGTH.most)
    throw new DecodeError(`message author: ${author.length} bytes are no PeerId`)
  if (sequence === 0n) throw new DecodeError('message sequence: starts at 1')
  return {
    network: asHash(network),
    author: author as PeerIdBytes,
    sequence,
    time,
    body: decodeBody(open, sealed)
  }
}

function decodeBody(open: Uint8Array | undefined, sealed: Sealed | undefined): Body {
  if (open !== undefined && sealed === undefined) return { kind: 'open', bytes: open }
  if (sealed === undefined || open !== undefined)
    throw new DecodeError('message body: exactly one of open and sealed')
  expectLength('message key_id', sealed.keyId, KEY_ID_LENGTH)
  expectLength('message enc', sealed.enc, ENC_LENGTH)
  const padded = sealed.ciphertext.length - TAG_LENGTH
  if (padded < PADDING_STEP || padded % PADDING_STEP !== 0)
    throw new DecodeError(`message ciphertext: its plaintext is not padded to steps of ${PADDING_STEP} bytes`)
  return { kind: 'sealed', sealed }
}
