import { encode as encodeVarint, encodingLength } from 'uint8-varint'
import { concat, type EnvelopeBytes, equal, type PeerIdBytes, utf8 } from './bytes.js'
import { DecodeError, decodeCanonical } from './codec.js'
import type { Signer, Verifier, VerifierCache } from './keys.js'
import { Envelope } from './wire/tallystick.js'

/**
 * libp2p signed envelopes, RFC 0002. One domain and one payload type for each kind of signed thing, so that
 * no signature serves in two places. Payload types are from multicodec's private use area (0x300000…).
 */
export const DOMAINS = {
  message: { name: utf8('tallystick-message'), payloadType: privateUse(1) },
  block: { name: utf8('tallystick-block'), payloadType: privateUse(2) },
  receipt: { name: utf8('tallystick-receipt'), payloadType: privateUse(3) },
  encryptionKey: { name: utf8('tallystick-encryption-key'), payloadType: privateUse(4) }
} as const

export type Domain = keyof typeof DOMAINS

export interface SignedEnvelope {
  readonly publicKey: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

export function signEnvelope(domain: Domain, payload: Uint8Array, signer: Signer): EnvelopeBytes {
  const { payloadType } = DOMAINS[domain]
  return Envelope.encode({
    publicKey: signer.publicKey,
    payloadType,
    payload,
    signature: signer.sign(signedBytes(domain, payload))
  }) as Uint8Array as EnvelopeBytes
}

/** Reads an envelope without checking its signature. Throws DecodeError. */
export function decodeEnvelope(bytes: Uint8Array): SignedEnvelope & { readonly payloadType: Uint8Array } {
  return decodeCanonical('envelope', Envelope, bytes)
}

/** Whether the payload type is the domain's own and the signature covers the domain and the payload. */
export function verifyEnvelope(
  domain: Domain,
  envelope: SignedEnvelope & { readonly payloadType: Uint8Array },
  verifier: Verifier
): boolean {
  return (
    equal(envelope.payloadType, DOMAINS[domain].payloadType) &&
    verifier.verify(signedBytes(domain, envelope.payload), envelope.signature)
  )
}

export type Opened =
  | { readonly ok: true; readonly payload: Uint8Array }
  | { readonly ok: false; readonly problem: 'encoding' | 'producer' | 'signature'; readonly detail: string }

/** Opens an envelope that must come from one known signer. */
export function openEnvelopeOf(
  expected: PeerIdBytes,
  domain: Domain,
  bytes: Uint8Array,
  verifiers: VerifierCache
): Opened {
  try {
    const envelope = decodeEnvelope(bytes)
    const verifier = verifiers.get(envelope.publicKey)
    if (!equal(verifier.peerId, expected))
      return { ok: false, problem: 'producer', detail: 'signed with another key than the expected one' }
    if (!verifyEnvelope(domain, envelope, verifier))
      return { ok: false, problem: 'signature', detail: 'the signature does not fit' }
    return { ok: true, payload: envelope.payload }
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, problem: 'encoding', detail: error.message }
    throw error
  }
}

/** What is signed: domain, payload type and payload, each behind its length as an unsigned varint. */
function signedBytes(domain: Domain, payload: Uint8Array): Uint8Array {
  const prefix = SIGNED_PREFIXES[domain]
  const start = prefix.length + encodingLength(payload.length)
  const bytes = Buffer.allocUnsafe(start + payload.length)
  bytes.set(prefix)
  encodeVarint(payload.length, bytes, prefix.length)
  bytes.set(payload, start)
  return bytes
}

function signedPrefix(domain: Domain): Uint8Array {
  const { name, payloadType } = DOMAINS[domain]
  return concat(encodeVarint(name.length), name, encodeVarint(payloadType.length), payloadType)
}

const SIGNED_PREFIXES: Readonly<Record<Domain, Uint8Array>> = {
  message: signedPrefix('message'),
  block: signedPrefix('block'),
  receipt: signedPrefix('receipt'),
  encryptionKey: signedPrefix('encryptionKey')
}

function privateUse(number: number): Uint8Array {
  return concat(encodeVarint(0x300000 + number))
}
