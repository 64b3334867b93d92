import { asHash, type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from './bytes.js'
import { decodeCanonical, expectLength } from './codec.js'
import { decodeEnvelope, signEnvelope, verifyEnvelope } from './envelope.js'
import type { Fault } from './fault.js'
import { sha256 } from './hash.js'
import type { Signer, VerifierCache } from './keys.js'
import { EMPTY_ROOT } from './merkle.js'
import { Block as WireBlock, Header as WireHeader } from './wire/tallystick.js'

/**
 * `count` messages of this block under `root`; `size` messages of the whole log up to and including it
 * under `log`. `time` in ms since 1970. `proof` is the ordering's own.
 */
export interface Header {
  readonly network: Hash
  readonly height: number
  readonly parent: Hash
  readonly time: number
  readonly count: number
  readonly root: Hash
  readonly size: number
  readonly log: Hash
  readonly state: Hash
  readonly producer: PeerIdBytes
  readonly proof: Uint8Array
}

/** A header with its id (SHA-256 of its bytes) and the signed envelope it came in (none for the genesis). */
export interface SignedHeader {
  readonly header: Header
  readonly id: Hash
  readonly envelope: EnvelopeBytes
}

export interface Block {
  readonly signed: SignedHeader
  readonly envelopes: readonly EnvelopeBytes[]
}

const NO_PARENT = asHash(new Uint8Array(32))
const NOTHING = new Uint8Array(0)

/** Block 0: follows from the network document alone, so nobody signs it. */
export function genesisOf(network: Hash, state: Hash): SignedHeader {
  const header: Header = {
    network,
    height: 0,
    parent: NO_PARENT,
    time: 0,
    count: 0,
    root: EMPTY_ROOT,
    size: 0,
    log: EMPTY_ROOT,
    state,
    producer: NOTHING as PeerIdBytes,
    proof: NOTHING
  }
  return { header, id: sha256(WireHeader.encode(header)), envelope: NOTHING as EnvelopeBytes }
}

export function signHeader(header: Header, signer: Signer): SignedHeader {
  const payload = WireHeader.encode(header)
  return { header, id: sha256(payload), envelope: signEnvelope('block', payload, signer) }
}

export type HeaderOutcome =
  | { readonly ok: true; readonly signed: SignedHeader }
  | { readonly ok: false; readonly fault: Fault }

/** Reads a signed header, whose signer must be the producer it names. Who may produce is the ordering's to say. */
export function readSignedHeader(bytes: Uint8Array, verifiers: VerifierCache): HeaderOutcome {
  try {
    const envelope = decodeEnvelope(bytes)
    const header = decodeHeader(envelope.payload)
    const verifier = verifiers.get(envelope.publicKey)
    if (!equal(verifier.peerId, header.producer))
      return {
        ok: false,
        fault: { kind: 'producer', height: header.height, detail: 'not the one who signed' }
      }
    if (!verifyEnvelope('block', envelope, verifier))
      return {
        ok: false,
        fault: { kind: 'signature', height: header.height, detail: 'does not fit the header' }
      }
    return { ok: true, signed: { header, id: sha256(envelope.payload), envelope: bytes as EnvelopeBytes } }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return { ok: false, fault: { kind: 'encoding', detail } }
  }
}

/** A header out of our own store, verified before it went there. Throws DecodeError. */
export function readStoredHeader(bytes: EnvelopeBytes): SignedHeader {
  const { payload } = decodeEnvelope(bytes)
  return { header: decodeHeader(payload), id: sha256(payload), envelope: bytes }
}

/** Throws DecodeError. */
function decodeHeader(payload: Uint8Array): Header {
  const header = decodeCanonical('header', WireHeader, payload)
  const { network, parent, root, log, state } = header
  for (const [name, bytes] of Object.entries({ network, parent, root, log, state }))
    expectLength(`header ${name}`, bytes, 32)
  return {
    ...header,
    network: asHash(network),
    parent: asHash(parent),
    root: asHash(root),
    log: asHash(log),
    state: asHash(state),
    producer: header.producer as PeerIdBytes
  }
}

/** `document`: the canonical network document, carried by block 0 alone. */
export interface WireBlockParts {
  readonly header: Uint8Array
  readonly envelopes: readonly EnvelopeBytes[]
  readonly document: Uint8Array
}

export function encodeBlock(block: Block): Uint8Array {
  return WireBlock.encode({
    header: block.signed.envelope,
    envelopes: [...block.envelopes],
    document: NOTHING
  })
}

export function encodeGenesis(document: Uint8Array): Uint8Array {
  return WireBlock.encode({ header: NOTHING, envelopes: [], document })
}

/** Throws DecodeError. */
export function decodeBlockParts(bytes: Uint8Array): WireBlockParts {
  const { header, envelopes, document } = decodeCanonical('block', WireBlock, bytes)
  return { header, envelopes: envelopes as EnvelopeBytes[], document }
}
