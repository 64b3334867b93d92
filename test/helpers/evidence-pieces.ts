import {
  type Block,
  type CheckpointedHeader,
  type Header,
  type SignedHeader,
  signHeader
} from '#src/core/block.js'
import type { EnvelopeBytes, Hash } from '#src/core/bytes.js'
import { brokenLogEvidence, brokenStateEvidence } from '#src/core/evidence.js'
import type { Signer } from '#src/core/keys.js'
import { leafHash, rootOf } from '#src/core/merkle.js'
import { signReceipt } from '#src/core/receipt.js'
import { stateEvidence } from '#src/validation/evidence-check.js'
import type { Made } from './authors.js'
import { present } from './changes.js'
import { type PublicData, parentOf, pathIn, peaksAt, proofsFor } from './public-data.js'

export const blockAt = ({ blocks }: PublicData, height: number): Block => present(blocks[height - 1])
export const leavesAt = (data: PublicData, height: number): Hash[] =>
  blockAt(data, height).envelopes.map(leafHash)
const sizeBefore = (data: PublicData, height: number): number => parentOf(data, height)?.header.size ?? 0

/** A block at this height as the sequencer's key has signed it, with something else in its header. */
export function lie(data: PublicData, height: number, changes: Partial<Header>): CheckpointedHeader {
  return signHeader({ ...blockAt(data, height).signed.header, ...changes }, data.net.signer)
}

export function promise(
  { net }: PublicData,
  position: number,
  leaf: Hash,
  signer: Signer = net.signer
): EnvelopeBytes {
  const entries = [{ sequence: 1n, position, leaf }]
  return signReceipt({ network: net.network.id, author: net.sequencer, time: 1, entries }, signer)
}

/** What the log has at a position, as a block's header proves it. */
export function proven(data: PublicData, position: number, height: number) {
  const { signed } = blockAt(data, height)
  const path = pathIn(data, position, signed.header.size)
  return { position, leaf: present(data.leaves[position]), path, signed }
}

export function logPiece(
  data: PublicData,
  height: number,
  child: SignedHeader = blockAt(data, height).signed
): Uint8Array {
  const peaks = peaksAt(data, sizeBefore(data, height))
  return brokenLogEvidence(parentOf(data, height), child, peaks, leavesAt(data, height))
}

export function statePiece(
  data: PublicData,
  height: number,
  child: SignedHeader = blockAt(data, height).signed
): Uint8Array {
  const { envelopes } = blockAt(data, height)
  return brokenStateEvidence(parentOf(data, height), child, envelopes, proofsFor(data, height))
}

/** Block 3 with a message in it that is not valid there; both of its trees are right. */
export function invalidMessage(data: PublicData, { envelope, leaf }: Made): Uint8Array {
  const cursor = present(data.before[2])
  const header = { count: 1, root: rootOf([leaf]), log: cursor.frontier.append(leaf).root() }
  const block = { signed: lie(data, 3, header), envelopes: [envelope] }
  return present(stateEvidence(data.net.rules, cursor.signed, cursor.state, block))
}
