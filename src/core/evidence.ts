import type { Header, SignedHeader } from './block.js'
import { type EnvelopeBytes, equal, type Hash, toHex } from './bytes.js'
import { DecodeError } from './codec.js'
import { type EvidenceKind, type EvidenceShape, readEvidenceShape } from './evidence-shape.js'
import type { VerifierCache } from './keys.js'
import { Frontier, leafHash, rootOf, verifyInclusion } from './merkle.js'
import { type Network, sequencerOf } from './network.js'
import { readReceipt } from './receipt.js'
import { readSequencerHeader } from './sequencer-header.js'
import { Evidence as WireEvidence } from './wire/tallystick.js'

/**
 * Evidence: things the sequencer has signed that cannot both be true. Whoever has the network document can
 * check it, without trusting who shows it. Why no honest sequencer ever signs such is in docs/PROTOCOL.md, kind by kind.
 */

/** Evidence that holds. `id`: of the lie, the same for all pieces that show it. `height`: of the block it is about. */
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

/** What of the network's rules a piece may need. The verdict depends on nothing else. */
export interface BlockJudge {
  /** The id of block 0. */
  readonly genesis: () => Hash
  /** Says what is wrong with a block by its messages and its state. Rejects with DecodeError where nothing is shown to be. */
  readonly judgeState: (shown: ShownBlock) => Promise<string>
}

/** Rejects with DecodeError, with what is wrong, unless it proves that the network's sequencer has lied. */
export async function checkEvidence(
  bytes: Uint8Array,
  network: Network,
  verifiers: VerifierCache,
  judge: BlockJudge
): Promise<Evidence> {
  const shape = readEvidenceShape(bytes)
  const { kind, id, height } = shape
  const expectSigned = ({ envelope }: SignedHeader): void => {
    readSequencerHeader('evidence', envelope, network, verifiers)
  }
  const detail = await proven(shape, expectSigned, network, verifiers, judge)
  return { kind, id, bytes, height, detail }
}

/** Looks at signatures and proofs. Says what is proven. */
async function proven(
  shape: EvidenceShape,
  expectSigned: (header: SignedHeader) => void,
  network: Network,
  verifiers: VerifierCache,
  { genesis, judgeState }: BlockJudge
): Promise<string> {
  const { height } = shape
  switch (shape.kind) {
    case 'fork': {
      const { first, second } = shape
      expectSigned(first)
      expectSigned(second)
      return `it signed two blocks ${height}, ${toHex(first.id)} and ${toHex(second.id)}`
    }
    case 'broken': {
      const { parent, child } = shape
      expectSigned(parent)
      expectSigned(child)
      return `it signed block ${height - 1}, ${toHex(parent.id)}, and a block ${height} that names another parent`
    }
    case 'receipt': {
      const { receipt, signed, position, promised, leaf, path } = shape
      expectSigned(signed)
      readReceipt(receipt, network.id, sequencerOf(network), verifiers)
      const { size, log } = signed.header
      if (!verifyInclusion(leaf, position, size, path, log))
        throw new DecodeError('evidence: the proof of what the log has does not hold')
      return `it gave position ${position} to ${toHex(promised)} by receipt, and to ${toHex(leaf)} in block ${height}`
    }
    case 'log': {
      const { parent, child, peaks, leaves } = shape
      expectNeighbours(parent, child, expectSigned, genesis)
      const { size, log, root } = child.header
      const before =
        parent === undefined
          ? Frontier.empty
          : Frontier.verified(parent.header.size, peaks, parent.header.log)
      if (before === undefined) throw new DecodeError("evidence: the peaks do not give the parent's log")
      if (!equal(rootOf(leaves), root)) throw new DecodeError("evidence: the leaves are not the block's")
      const after = before.appendAll(leaves)
      if (after.size === size && equal(after.root(), log))
        throw new DecodeError("evidence: the block's log is what its messages give")
      return `it signed block ${height}, ${toHex(child.id)}, whose log is not its parent's with its own messages`
    }
    case 'state': {
      const { parent, child, envelopes, proofs } = shape
      expectNeighbours(parent, child, expectSigned, genesis)
      const { header } = child
      if (!equal(rootOf(envelopes.map(leafHash)), header.root))
        throw new DecodeError("evidence: the messages are not the block's")
      const wrong = await judgeState({ before: parent?.header.state, header, envelopes, proofs })
      return `it signed block ${height}, ${toHex(child.id)}, ${wrong}`
    }
  }
}

/** A block that stands on the one that is shown, or on the genesis. */
function expectNeighbours(
  parent: SignedHeader | undefined,
  child: SignedHeader,
  expectSigned: (header: SignedHeader) => void,
  genesis: () => Hash
): void {
  expectSigned(child)
  if (parent !== undefined) expectSigned(parent)
  else if (!equal(child.header.parent, genesis()))
    throw new DecodeError('evidence: the block does not name the genesis as its parent')
}
