import { readUnverifiedHeader, type SignedHeader } from './block.js'
import { concat, type EnvelopeBytes, equal, type Hash, utf8 } from './bytes.js'
import { NO_CHECKPOINT } from './checkpoint.js'
import { DecodeError, decodeCanonical, decodeHash } from './codec.js'
import { decodeEnvelope } from './envelope.js'
import { sha256 } from './hash.js'
import { LIMITS } from './limits.js'
import { decodeReceipt } from './receipt.js'
import { Evidence as WireEvidence } from './wire/tallystick.js'

export type EvidenceKind = 'fork' | 'broken' | 'receipt' | 'log' | 'state'

/**
 * A piece of evidence, read without its signatures and proofs: what it says, not that it is so. Its heights,
 * positions and counts fit together.
 */
export type EvidenceShape =
  | (Common & { readonly kind: 'fork'; readonly first: SignedHeader; readonly second: SignedHeader })
  | (Common & { readonly kind: 'broken'; readonly parent: SignedHeader; readonly child: SignedHeader })
  | (Common & ReceiptShape)
  | (Common & PersistentPeers & LogShape)
  | (Common & PersistentPeers & StateShape)

/**
 * `id`: of the lie. It follows from what contradicts what, so that all pieces that show one lie have the same, whatever
 * path, header or encoding they show it with. `height`: of the block that the piece is about.
 */
interface Common {
  readonly id: Hash
  readonly height: number
}

interface ReceiptShape {
  readonly kind: 'receipt'
  readonly receipt: EnvelopeBytes
  /** What the receipt gives the position to, and what the log under `signed` has there. */
  readonly promised: Hash
  readonly leaf: Hash
  readonly position: number
  readonly path: readonly Hash[]
  readonly signed: SignedHeader
}

/** A block and its parent, which is undefined where it is the genesis. */
interface PersistentPeers {
  readonly parent: SignedHeader | undefined
  readonly child: SignedHeader
}

/** As many leaves as the block has messages. */
interface LogShape {
  readonly kind: 'log'
  readonly peaks: readonly Uint8Array[]
  readonly leaves: readonly Hash[]
}

/** As many envelopes as the block has messages. */
interface StateShape {
  readonly kind: 'state'
  readonly envelopes: readonly EnvelopeBytes[]
  readonly proofs: readonly Uint8Array[]
}

/** The number of each kind in lie ids, which is that of its field. */
const KIND_NUMBERS: Readonly<Record<EvidenceKind, number>> = {
  fork: 1,
  broken: 2,
  receipt: 3,
  log: 4,
  state: 5
}

/** SHA-256("tallystick-lie" ‖ kind in 1 byte ‖ height or position in 8 bytes, big-endian ‖ the hashes). */
function lieId(kind: EvidenceKind, place: number, ...hashes: readonly Hash[]): Hash {
  const numbers = Buffer.alloc(9, KIND_NUMBERS[kind])
  numbers.writeBigUInt64BE(BigInt(place), 1)
  return sha256(concat(utf8('tallystick-lie'), numbers, ...hashes))
}

/** Takes no look at a signature or a proof. Throws DecodeError. */
export function readEvidenceShape(bytes: Uint8Array): EvidenceShape {
  if (bytes.length > LIMITS.evidenceBytes) throw wrong(`${bytes.length} bytes are too many`)
  const { fork, broken, receipt, log, state } = decodeCanonical('evidence', WireEvidence, bytes)
  if (fork !== undefined) return forkShape(fork)
  if (broken !== undefined) return brokenShape(broken)
  if (receipt !== undefined) return receiptShape(receipt)
  if (log !== undefined) return logShape(log)
  if (state !== undefined) return stateShape(state)
  throw wrong('it is of no kind that is known here')
}

type Wire<Kind extends EvidenceKind> = NonNullable<WireEvidence[Kind]>

function forkShape(fork: Wire<'fork'>): EvidenceShape {
  const [first, second] = [headerIn(fork.first), headerIn(fork.second)]
  const { height } = first.header
  if (second.header.height !== height) throw wrong('the blocks have different heights')
  if (Buffer.compare(first.id, second.id) >= 0)
    throw wrong('the blocks are the same, or not in the order of their ids')
  return { kind: 'fork', id: lieId('fork', height, first.id, second.id), height, first, second }
}

function brokenShape(broken: Wire<'broken'>): EvidenceShape {
  const [parent, child] = [headerIn(broken.first), headerIn(broken.second)]
  const { height } = child.header
  if (height !== parent.header.height + 1) throw wrong('the blocks do not follow one another')
  if (equal(child.header.parent, parent.id)) throw wrong('the second block names the first as its parent')
  return { kind: 'broken', id: lieId('broken', height, parent.id, child.id), height, parent, child }
}

function receiptShape({ receipt, header, position, ...shown }: Wire<'receipt'>): EvidenceShape {
  const signed = headerIn(header)
  const { size, height } = signed.header
  if (position >= size) throw wrong(`a log of ${size} messages has no position ${position}`)
  const leaf = decodeHash('evidence leaf', shown.leaf)
  const path = shown.path.map(node => decodeHash('evidence path', node))
  const { entries } = decodeReceipt(decodeEnvelope(receipt).payload)
  const named = entries.filter(entry => entry.position === position)
  if (named.length === 0) throw wrong('the receipt does not name the position')
  const entry = named.find(other => !equal(other.leaf, leaf))
  if (entry === undefined) throw wrong('the log has what the receipt says')
  return {
    kind: 'receipt',
    id: lieId('receipt', position, entry.leaf, leaf),
    height,
    receipt: receipt as EnvelopeBytes,
    promised: entry.leaf,
    leaf,
    position,
    path,
    signed
  }
}

function logShape({ peaks, leaves, ...shown }: Wire<'log'>): EvidenceShape {
  const { parent, child } = neighbours(shown)
  const { height, count } = child.header
  if (parent === undefined && peaks.length > 0) throw wrong('the log of the genesis has no peaks')
  // Nodes of the block's tree in place of its leaves give the same root; only their number tells them apart.
  if (leaves.length !== count) throw wrong(`${leaves.length} leaves of a block of ${count} messages`)
  return {
    kind: 'log',
    id: lieId('log', height, child.id),
    height,
    parent,
    child,
    peaks,
    leaves: leaves.map(leaf => decodeHash('evidence leaf', leaf))
  }
}

function stateShape({ envelopes, proofs, ...shown }: Wire<'state'>): EvidenceShape {
  const { parent, child } = neighbours(shown)
  const { height, count } = child.header
  if (envelopes.length !== count) throw wrong(`${envelopes.length} messages of a block of ${count} messages`)
  return {
    kind: 'state',
    id: lieId('state', height, child.id),
    height,
    parent,
    child,
    envelopes: envelopes.map(envelope => envelope as EnvelopeBytes),
    proofs
  }
}

/** A header of a block that a sequencer signs: of every block but the genesis. */
function headerIn(envelope: Uint8Array): SignedHeader {
  const signed = readUnverifiedHeader({ header: envelope, checkpoint: NO_CHECKPOINT })
  if (signed.header.height < 1) throw wrong('nobody signs block 0')
  return signed
}

/** Only block 1 has a parent that is not shown. */
function neighbours(shown: { readonly parent: Uint8Array; readonly header: Uint8Array }): PersistentPeers {
  const child = headerIn(shown.header)
  const parent = shown.parent.length === 0 ? undefined : headerIn(shown.parent)
  if (child.header.height !== (parent?.header.height ?? 0) + 1)
    throw wrong('the blocks do not follow one another')
  if (parent !== undefined && !equal(child.header.parent, parent.id))
    throw wrong('the second block does not name the first as its parent')
  return { parent, child }
}

function wrong(why: string): DecodeError {
  return new DecodeError(`evidence: ${why}`)
}
