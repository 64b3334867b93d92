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

/** What one ordering says of headers by themselves, before anything is known of their parents. */
export interface HeaderRules {
  /** Whether headers carry a checkpoint of the log: only where one peer speaks for the log. */
  readonly hasCheckpoints: boolean
  /** What is wrong with a header whoever its parent is. Cheap: asked before its signature is verified. */
  screen(header: Header, id: Hash): Fault | undefined
}

const NO_PARENT = asHash(new Uint8Array(32))
const NOTHING = new Uint8Array(0)

/** Block 0: follows from the network document alone, so nobody signs it. `time` in ms since 1970. */
export function genesisOf(network: Hash, state: Hash, time: number): CheckpointedHeader {
  const header: Header = {
    network,
    height: 0,
    parent: NO_PARENT,
    time,
    count: 0,
    root: EMPTY_ROOT,
    size: 0,
    log: EMPTY_ROOT,
    state,
    producer: NOTHING as PeerIdBytes,
    proof: NOTHING
  }
  const id = idOf(header)
  return { header, id, envelope: NOTHING as EnvelopeBytes, checkpoint: NO_CHECKPOINT }
}

export function encodeHeader(header: Header): Uint8Array {
  return WireHeader.encode(header)
}

export function idOf(header: Header): Hash {
  return sha256(encodeHeader(header))
}

export function signHeader(
  header: Header,
  signer: Signer,
  { hasCheckpoints }: Pick<HeaderRules, 'hasCheckpoints'> = { hasCheckpoints: true }
): CheckpointedHeader {
  const payload = encodeHeader(header)
  return {
    header,
    id: sha256(payload),
    envelope: signEnvelope('block', payload, signer),
    checkpoint: hasCheckpoints ? signCheckpoint(header, signer) : NO_CHECKPOINT
  }
}

export type HeaderOutcome<Signed extends SignedHeader = SignedHeader> =
  | { readonly ok: true; readonly signed: Signed }
  | { readonly ok: false; readonly fault: Fault }

/** Reads a signed header, which must pass `screen` and whose signer must be the producer it names. */
export function readSignedHeader(
  bytes: Uint8Array,
  verifiers: VerifierCache,
  screen: HeaderRules['screen'] = () => undefined
): HeaderOutcome {
  try {
    const envelope = decodeEnvelope(bytes)
    const header = decodeHeader(envelope.payload)
    const id = sha256(envelope.payload)
    const { height } = header
    const unfit = screen(header, id)
    if (unfit !== undefined) return { ok: false, fault: unfit }
    const verifier = verifiers.get(envelope.publicKey)
    if (!equal(verifier.peerId, header.producer))
      return { ok: false, fault: { kind: 'producer', height, detail: 'not the one who signed' } }
    if (!verifyEnvelope('block', envelope, verifier))
      return { ok: false, fault: { kind: 'signature', height, detail: 'does not fit the header' } }
    return { ok: true, signed: { header, id, envelope: bytes as EnvelopeBytes } }
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, fault: { kind: 'encoding', detail: error.message } }
    throw error
  }
}

/** Reads a header as a block carries it: its signatures are checked, and all that it shows by itself. */
export function readBlockHeader(
  bytes: Uint8Array,
  checkpoint: Uint8Array,
  verifiers: VerifierCache,
  rules: HeaderRules
): HeaderOutcome<CheckpointedHeader> {
  const read = readSignedHeader(bytes, verifiers, (header, id) => rules.screen(header, id))
  if (!read.ok) return read
  const { header } = read.signed
  const unfit = rules.hasCheckpoints
    ? verifyCheckpoint(header, checkpoint, verifiers.get(decodeEnvelope(bytes).publicKey))
      ? undefined
      : 'its signature does not fit the header'
    : checkpoint.length === 0
      ? undefined
      : 'no block of this network has one'
  if (unfit !== undefined)
    return { ok: false, fault: { kind: 'checkpoint', height: header.height, detail: unfit } }
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
  return readUnverifiedHeader(decodeStoredHeader(bytes))
}

/** A header as a block carries it, of which nothing is checked but that it can be read. Throws DecodeError. */
export function readUnverifiedHeader({
  header: envelope,
  checkpoint
}: Pick<WireBlockParts, 'header' | 'checkpoint'>): CheckpointedHeader {
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
  if (header.length > 0 && document.length > 0)
    throw new DecodeError('block: only block 0 carries the network document')
  return { header, checkpoint, envelopes: envelopes as EnvelopeBytes[], document }
}
