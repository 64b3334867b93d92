import { decodeBlockParts, encodeBlock } from '../core/block.js'
import type { EnvelopeBytes } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import { leafHash } from '../core/merkle.js'
import { decodeMessage } from '../core/message.js'
import { type Candidate, nameOf } from './candidate.js'
import type { ForkNode } from './fork-tree.js'
import type { LogTree } from './log-tree.js'
import type { Mempool } from './mempool.js'
import {
  type Database,
  envelopesBetween,
  headerDeletions,
  headerWrites,
  keys,
  messageDeletions,
  messageWrites,
  pooledDeletion,
  pooledWrite,
  StoreError,
  type Write
} from './store.js'

/** What it takes to put blocks on the main chain. */
export interface Attachment {
  readonly writes: Write[]
  readonly tree: LogTree
  readonly names: ReadonlySet<string>
}

/**
 * `nodes`: from the fork up. All but the last one are kept beside the main chain; `last` are the messages of that
 * one. `tree`: of the log up to the fork. Worked out block by block, as others are to be served meanwhile.
 */
export async function attachment(
  database: Database,
  nodes: readonly ForkNode[],
  last: readonly Candidate[],
  tree: LogTree,
  pool: Mempool | undefined
): Promise<Attachment> {
  const writes: Write[] = []
  const names = new Set<string>()
  let grown = tree
  for (const [index, { cursor }] of nodes.entries()) {
    const { signed } = cursor
    const { height, size, count } = signed.header
    const key = keys.side(height, signed.id)
    const isLast = index === nodes.length - 1
    const messages = isLast ? last : decodeBlockParts(await sideAt(database, key)).envelopes.map(candidateOf)
    for (const [offset, candidate] of messages.entries()) {
      const name = nameOf(candidate)
      writes.push(...messageWrites(candidate, size - count + offset, undefined))
      if (pool?.isWaiting(name)) writes.push(pooledDeletion(candidate))
      names.add(name)
    }
    const extended = grown.extend(messages.map(({ leaf }) => leaf))
    grown = extended.tree
    writes.push(...extended.writes, ...headerWrites(signed))
    if (!isLast) writes.push({ type: 'del', key })
  }
  return { writes, tree: grown, names }
}

/** What it takes to move blocks off the main chain and beside it. */
export interface Detachment {
  readonly writes: Write[]
  /** Messages of the blocks that are to wait, by name, in the order in which they stood. */
  readonly returned: ReadonlyMap<string, Candidate>
  readonly names: ReadonlyMap<ForkNode, ReadonlySet<string>>
}

/** `nodes`: from the head down. `ordered`: names of messages that stand in the blocks that take their place. */
export async function detachment(
  database: Database,
  nodes: readonly ForkNode[],
  ordered: ReadonlySet<string>
): Promise<Detachment> {
  const writes: Write[] = []
  const returned = new Map<string, Candidate>()
  const names = new Map<ForkNode, ReadonlySet<string>>()
  for (const node of [...nodes].reverse()) {
    const { signed } = node.cursor
    const { height, size, count } = signed.header
    const envelopes = await envelopesBetween(database, size - count, size)
    if (envelopes.length !== count) throw new StoreError(`messages of block ${height} are missing`)
    const own = new Set<string>()
    for (const [index, candidate] of envelopes.map(candidateOf).entries()) {
      const name = nameOf(candidate)
      own.add(name)
      writes.push(...messageDeletions(candidate, size - count + index))
      if (ordered.has(name)) continue
      writes.push(pooledWrite(candidate))
      returned.set(name, candidate)
    }
    writes.push(...headerDeletions(signed), {
      type: 'put',
      key: keys.side(height, signed.id),
      value: encodeBlock({ signed, envelopes })
    })
    names.set(node, own)
  }
  return { writes, returned, names }
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
