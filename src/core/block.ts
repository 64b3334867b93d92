import { asHash, type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from './bytes.js'
import { NO_CHECKPOINT, signCheckpoint, verifyCheckpoint } from './checkpoint.js'
import { DecodeError, decodeCanonical, expectLength } from './codec.js'
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

/** A signed header as a block carries it: with the signature of its checkpoint (none for the genesis). */
export interface CheckpointedHeader extends SignedHeader {
  readonly checkpoint: Uint8Array
}

export interface Block {
  readonly signed: CheckpointedHeader
  readonly envelopes: readonly EnvelopeBytes[]
}

const NO_PARENT = asHash(new Uint8Array(32))
const NOTHING = new Uint8Array(0)

/** Block 0: follows from the network document alone, so nobody signs it. */
export function genesisOf(network: Hash, state: Hash): CheckpointedHeader {
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
  const id = sha256(WireHeader.encode(header))
  return { header, id, envelope: NOTHING as EnvelopeBytes, checkpoint: NO_CHECKPOINT }
}

export function signHeader(header: Header, signer: Signer): CheckpointedHeader {
  const payload = WireHeader.encode(header)
  return {
    header,
    id: sha256(payload),
    envelope: signEnvelope('block', payload, signer),
    checkpoint: signCheckpoint(header, signer)
  }
}

export type HeaderOutcome<Signed extends SignedHeader = SignedHeader> =
  | { readonly ok: true; readonly signed: Signed }
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

/** Reads a header as a block carries it: both of its signatures are checked. */
export function readBlockHeader(
  bytes: Uint8Array,
  checkpoint: Uint8Array,
  verifiers: VerifierCache
): HeaderOutcome<CheckpointedHeader> {
  const read = readSignedHeader(bytes, verifiers)
  if (!read.ok) return read
  const { header } = read.signed
  const producer = verifiers.get(decodeEnvelope(bytes).publicKey)
  if (!verifyCheckpoint(header, checkpoint, producer))
    return {
      ok: false,
      fault: { kind: 'checkpoint', height: header.height, detail: 'its signature does not fit the header' }
    }
  return { ok: true, signed: { ...read.signed, checkpoint } }
}

/** A header as it is kept on disk: a block without its messages. */
export function encodeStoredHeader(signed: CheckpointedHeader): Uint8Array {
  return encodeBlock({ signed, envelopes: [] })
}

/** The signed envelope and the checkpoint of a header on disk. Throws DecodeError. */
export function decodeStoredHeader(bytes: Uint8Array): Pick<WireBlockParts, 'header' | 'checkpoint'> {
  const { header, checkpoint, envelopes, document } = decodeBlockParts(bytes)
  if (envelopes.length > 0 || document.length > 0)
    throw new DecodeError('stored header: there is more than a header')
  return { header, checkpoint }
}

/** A header out of our own store, verified before it went there. Throws DecodeError. */
export function readStoredHeader(bytes: Uint8Array): CheckpointedHeader {
  const { header: envelope, checkpoint } = decodeStoredHeader(bytes)
  const { payload } = decodeEnvelope(envelope)
  return {
    header: decodeHeader(payload),
    id: sha256(payload),
    envelope: envelope as EnvelopeBytes,
    checkpoint
  }
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
  readonly checkpoint: Uint8Array
  readonly envelopes: readonly EnvelopeBytes[]
  readonly document: Uint8Array
}

export function encodeBlock(block: Block): Uint8Array {
  return WireBlock.encode({
    header: block.signed.envelope,
    envelopes: [...block.envelopes],
    document: NOTHING,
    checkpoint: block.signed.checkpoint
  })
}

export function encodeGenesis(document: Uint8Array): Uint8Array {
  return WireBlock.encode({ header: NOTHING, envelopes: [], document, checkpoint: NOTHING })
}

/** Throws DecodeError. */
export function decodeBlockParts(bytes: Uint8Array): WireBlockParts {
  const { header, envelopes, document, checkpoint } = decodeCanonical('block', WireBlock, bytes)
  return { header, checkpoint, envelopes: envelopes as EnvelopeBytes[], document }
}
