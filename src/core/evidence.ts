import type { Header, SignedHeader } from './block.js'
import { asHash, type EnvelopeBytes, equal, type Hash, toHex } from './bytes.js'
import { DecodeError, decodeCanonical, expectLength } from './codec.js'
import { sha256 } from './hash.js'
import type { VerifierCache } from './keys.js'
import { LIMITS } from './limits.js'
import { Frontier, leafHash, rootOf, verifyInclusion } from './merkle.js'
import { type Network, sequencerOf } from './network-document.js'
import { readReceipt } from './receipt.js'
import { readSequencerHeader } from './sequencer-header.js'
import { Evidence as WireEvidence } from './wire/tallystick.js'

/**
 * Evidence: things the sequencer has signed that cannot both be true. Whoever has the network document can
 * check it, without trusting who shows it.
 */
export type EvidenceKind = 'fork' | 'broken' | 'receipt' | 'log' | 'state'

/** Evidence that holds. `id`: SHA-256 of its bytes. `height`: of the block it is about. */
export interface Evidence {
  readonly kind: EvidenceKind
  readonly id: Hash
  readonly bytes: Uint8Array
  readonly height: number
  /** A sentence for people. */
  readonly detail: string
}

/** Two different blocks of one height. */
export function forkEvidence(one: SignedHeader, other: SignedHeader): Uint8Array {
  const [first, second] = Buffer.compare(one.id, other.id) < 0 ? [one, other] : [other, one]
  return WireEvidence.encode({ fork: { first: first.envelope, second: second.envelope } })
}

/** A block, and one of the next height that names another parent. */
export function brokenChainEvidence(parent: SignedHeader, child: SignedHeader): Uint8Array {
  return WireEvidence.encode({ broken: { first: parent.envelope, second: child.envelope } })
}

/** The log under `signed` has `leaf` at a position for which `receipt` names another one. */
export function brokenReceiptEvidence(
  receipt: EnvelopeBytes,
  proven: {
    readonly position: number
    readonly leaf: Hash
    readonly path: readonly Hash[]
    readonly signed: SignedHeader
  }
): Uint8Array {
  const { position, leaf, path, signed } = proven
  return WireEvidence.encode({
    receipt: { receipt, header: signed.envelope, position, leaf, path: [...path] }
  })
}

/** A block whose own messages, after its parent's log, do not give the log that its header names. */
export function brokenLogEvidence(
  /** Undefined where it is the genesis. */
  parent: SignedHeader | undefined,
  child: SignedHeader,
  peaks: readonly Uint8Array[],
  leaves: readonly Hash[]
): Uint8Array {
  return WireEvidence.encode({
    log: {
      parent: parent?.envelope ?? new Uint8Array(0),
      header: child.envelope,
      peaks: [...peaks],
      leaves: [...leaves]
    }
  })
}

/** A block that is not what its application makes of the state before it. `proofs`: as the application encodes them. */
export function brokenStateEvidence(
  /** Undefined where it is the genesis. */
  parent: SignedHeader | undefined,
  child: SignedHeader,
  envelopes: readonly EnvelopeBytes[],
  proofs: readonly Uint8Array[]
): Uint8Array {
  return WireEvidence.encode({
    state: {
      parent: parent?.envelope ?? new Uint8Array(0),
      header: child.envelope,
      envelopes: [...envelopes],
      proofs: [...proofs]
    }
  })
}

/** A block as evidence shows it, with the messages that its header names. */
export interface ShownBlock {
  /** Of the state before it; undefined where that is the genesis'. */
  readonly before: Hash | undefined
  readonly header: Header
  readonly envelopes: readonly EnvelopeBytes[]
  readonly proofs: readonly Uint8Array[]
}

export interface BlockJudge {
  /** Whether this block was checked whole here before: then nothing of it is looked at again. */
  readonly isRight: (signed: SignedHeader) => boolean
  /** Says what is wrong with a block by its messages and its state. Rejects with DecodeError where nothing is shown to be. */
  readonly judgeState: (shown: ShownBlock) => Promise<string>
}

/** Whether it can be read at all, which takes no look at a signature. */
export function isReadableEvidence(bytes: Uint8Array): boolean {
  try {
    readWire(bytes)
    return true
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}

/** Rejects with DecodeError, with what is wrong, unless it proves that the network's sequencer has lied. */
export async function checkEvidence(
  bytes: Uint8Array,
  network: Network,
  verifiers: VerifierCache,
  { isRight, judgeState }: BlockJudge
): Promise<Evidence> {
  const { fork, broken, receipt, log, state } = readWire(bytes)
  const id = sha256(bytes)
  const header = (envelope: Uint8Array): SignedHeader =>
    readSequencerHeader('evidence', envelope, network, verifiers)
  if (fork !== undefined) {
    const [first, second] = [header(fork.first), header(fork.second)]
    const { height } = first.header
    if (second.header.height !== height) throw new DecodeError('evidence: the blocks have different heights')
    if (Buffer.compare(first.id, second.id) >= 0)
      throw new DecodeError('evidence: the blocks are the same, or not in the order of their ids')
    const detail = `it signed two blocks ${height}, ${toHex(first.id)} and ${toHex(second.id)}`
    return { kind: 'fork', id, bytes, height, detail }
  }
  if (broken !== undefined) {
    const [parent, child] = [header(broken.first), header(broken.second)]
    const { height } = child.header
    if (height !== parent.header.height + 1)
      throw new DecodeError('evidence: the blocks do not follow one another')
    if (equal(child.header.parent, parent.id))
      throw new DecodeError('evidence: the second block names the first as its parent')
    const detail = `it signed block ${height - 1}, ${toHex(parent.id)}, and a block ${height} that names another parent`
    return { kind: 'broken', id, bytes, height, detail }
  }
  if (receipt !== undefined) {
    const signed = header(receipt.header)
    const sequencer = sequencerOf(network)
    const { entries } = readReceipt(receipt.receipt, network.id, sequencer, verifiers)
    const { position } = receipt
    expectLength('evidence leaf', receipt.leaf, 32)
    for (const node of receipt.path) expectLength('evidence path', node, 32)
    const leaf = asHash(receipt.leaf)
    const { size, log, height } = signed.header
    const entry = entries.find(each => each.position === position)
    if (entry === undefined) throw new DecodeError('evidence: the receipt does not name the position')
    if (equal(entry.leaf, leaf)) throw new DecodeError('evidence: the log has what the receipt says')
    if (!verifyInclusion(leaf, position, size, receipt.path.map(asHash), log))
      throw new DecodeError('evidence: the proof of what the log has does not hold')
    const detail = `it gave position ${position} to ${toHex(entry.leaf)} by receipt, and to ${toHex(leaf)} in block ${height}`
    return { kind: 'receipt', id, bytes, height, detail }
  }
  if (log !== undefined) {
    const { parent, child } = neighbours(log, header)
    expectUnknown(child, isRight)
    const { height } = child.header
    const before =
      parent === undefined
        ? Frontier.empty
        : Frontier.verified(parent.header.size, log.peaks, parent.header.log)
    if (before === undefined) throw new DecodeError("evidence: the peaks do not give the parent's log")
    for (const leaf of log.leaves) expectLength('evidence leaf', leaf, 32)
    const leaves = log.leaves.map(asHash)
    if (!equal(rootOf(leaves), child.header.root))
      throw new DecodeError("evidence: the leaves are not the block's")
    const after = before.appendAll(leaves)
    if (after.size === child.header.size && equal(after.root(), child.header.log))
      throw new DecodeError("evidence: the block's log is what its messages give")
    const detail = `it signed block ${height}, ${toHex(child.id)}, whose log is not its parent's with its own messages`
    return { kind: 'log', id, bytes, height, detail }
  }
  if (state !== undefined) {
    const { parent, child } = neighbours(state, header)
    expectUnknown(child, isRight)
    const { height, count, root } = child.header
    const envelopes = state.envelopes as EnvelopeBytes[]
    if (count !== envelopes.length || !equal(rootOf(envelopes.map(leafHash)), root))
      throw new DecodeError("evidence: the messages are not the block's")
    const { proofs } = state
    const wrong = await judgeState({ before: parent?.header.state, header: child.header, envelopes, proofs })
    const detail = `it signed block ${height}, ${toHex(child.id)}, ${wrong}`
    return { kind: 'state', id, bytes, height, detail }
  }
  throw new DecodeError('evidence: proves nothing that is known here')
}

function expectUnknown(signed: SignedHeader, isRight: BlockJudge['isRight']): void {
  if (isRight(signed)) throw new DecodeError('evidence: the block was checked here before, and is right')
}

/** A block and its parent, which is undefined where it is the genesis. Throws DecodeError where they are none. */
function neighbours(
  shown: { readonly parent: Uint8Array; readonly header: Uint8Array },
  read: (envelope: Uint8Array) => SignedHeader
): { readonly parent: SignedHeader | undefined; readonly child: SignedHeader } {
  const child = read(shown.header)
  const parent = shown.parent.length === 0 ? undefined : read(shown.parent)
  if (child.header.height !== (parent?.header.height ?? 0) + 1)
    throw new DecodeError('evidence: the blocks do not follow one another')
  if (parent !== undefined && !equal(child.header.parent, parent.id))
    throw new DecodeError('evidence: the second block does not name the first as its parent')
  return { parent, child }
}

function readWire(bytes: Uint8Array): WireEvidence {
  if (bytes.length > LIMITS.evidenceBytes)
    throw new DecodeError(`evidence: ${bytes.length} bytes are too many`)
  return decodeCanonical('evidence', WireEvidence, bytes)
}
