import { decodeBlockParts, encodeBlock } from '../core/block.js'
import type { EnvelopeBytes, Hash } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import { leafHash } from '../core/merkle.js'
import { decodeMessage } from '../core/message.js'
import { type Candidate, nameOf } from './candidate.js'
import type { ForkNode } from './fork-tree.js'
import {
  type Database,
  envelopesBetween,
  headerDeletions,
  headerWrites,
  keys,
  messageDeletions,
  messageWrites,
  StoreError,
  type Write
} from './store.js'

/** What it takes to move blocks off the main chain and beside it. */
export interface Detachment {
  readonly writes: Write[]
  /** Of the blocks, in the order in which they stood. */
  readonly messages: readonly Candidate[]
  readonly names: ReadonlyMap<ForkNode, ReadonlySet<string>>
}

/** `nodes`: from the head down. */
export async function detachment(database: Database, nodes: readonly ForkNode[]): Promise<Detachment> {
  const writes: Write[] = []
  const messages: Candidate[] = []
  const names = new Map<ForkNode, ReadonlySet<string>>()
  for (const node of [...nodes].reverse()) {
    const { signed } = node.cursor
    const { height, size, count } = signed.header
    const envelopes = await envelopesBetween(database, size - count, size)
    if (envelopes.length !== count) throw new StoreError(`messages of block ${height} are missing`)
    const candidates = envelopes.map(candidateOf)
    for (const [index, candidate] of candidates.entries())
      writes.push(...messageDeletions(candidate, size - count + index))
    writes.push(...headerDeletions(signed))
    writes.push({
      type: 'put',
      key: keys.side(height, signed.id),
      value: encodeBlock({ signed, envelopes })
    })
    messages.push(...candidates)
    names.set(node, new Set(candidates.map(nameOf)))
  }
  return { writes, messages, names }
}

/** What it takes to put blocks on the main chain. */
export interface Attachment {
  readonly writes: Write[]
  readonly leaves: readonly Hash[]
  readonly names: ReadonlySet<string>
}

/** `nodes`: from the fork up. All but the last one are kept beside the main chain; `last` are the messages of that one. */
export async function attachment(
  database: Database,
  nodes: readonly ForkNode[],
  last: readonly Candidate[]
): Promise<Attachment> {
  const writes: Write[] = []
  const leaves: Hash[] = []
  const names = new Set<string>()
  for (const [index, { cursor }] of nodes.entries()) {
    const { signed } = cursor
    const { height, size, count } = signed.header
    const key = keys.side(height, signed.id)
    const isLast = index === nodes.length - 1
    const messages = isLast ? last : decodeBlockParts(await sideAt(database, key)).envelopes.map(candidateOf)
    for (const [offset, candidate] of messages.entries()) {
      writes.push(...messageWrites(candidate, size - count + offset, undefined))
      leaves.push(candidate.leaf)
      names.add(nameOf(candidate))
    }
    writes.push(...headerWrites(signed))
    if (!isLast) writes.push({ type: 'del', key })
  }
  return { writes, leaves, names }
}

async function sideAt(database: Database, key: Uint8Array): Promise<Uint8Array> {
  const bytes = await database.get(key)
  if (bytes === undefined) throw new StoreError('a block beside the main chain is missing')
  return bytes
}

function candidateOf(envelope: EnvelopeBytes): Candidate {
  const { author, sequence } = decodeMessage(decodeEnvelope(envelope).payload)
  return { envelope, leaf: leafHash(envelope), author, sequence }
}
