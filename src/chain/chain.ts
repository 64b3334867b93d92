import {
  type Block,
  type CheckpointedHeader,
  decodeStoredHeader,
  encodeBlock,
  encodeGenesis,
  readBlockHeader,
  readStoredHeader
} from '../core/block.js'
import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import { describeFault, type Fault } from '../core/fault.js'
import { VerifierCache } from '../core/keys.js'
import { consistencyPath, Frontier, inclusionPath, leafHash } from '../core/merkle.js'
import { decodeMessage } from '../core/message.js'
import type { Stakes } from '../core/stakes.js'
import { advance, type Cursor, cursorAfter, type Draft, draft, genesisCursor, type Rules } from './cursor.js'
import { expectBlockIndexed, expectMessagesIndexed, expectNoMoreBlocks } from './indexes.js'
import { LogTree } from './log-tree.js'
import {
  bindToNetwork,
  type Database,
  envelopeAt,
  envelopesBetween,
  expectStored,
  headerAt,
  headerWrites,
  heightOfId,
  messageWrites,
  placeOf,
  positionsOfLeaf,
  StoreError,
  type Write,
  writeDurably
} from './store.js'

export type Imported =
  | { readonly kind: 'extended'; readonly signed: CheckpointedHeader }
  | { readonly kind: 'known' }
  | { readonly kind: 'orphan' }
  | { readonly kind: 'conflict'; readonly ours: CheckpointedHeader }
  | { readonly kind: 'invalid'; readonly fault: Fault }

/** No other message of a network has both. */
export interface MessageName {
  readonly author: PeerIdBytes
  readonly sequence: bigint
}

export interface Inclusion {
  readonly position: number
  readonly leaf: Hash
  readonly path: readonly Hash[]
  readonly signed: CheckpointedHeader
}

/**
 * The verified chain of blocks over the log of messages, on disk. One writer: `import` and `append` must not
 * overlap. What `head` names is on disk, with all its messages.
 */
export class Chain {
  #cursor: Cursor
  #tree: LogTree

  private constructor(
    readonly rules: Rules,
    private readonly database: Database
  ) {
    this.#cursor = genesisCursor(rules)
    this.#tree = LogTree.empty(database)
  }

  /**
   * Verifies all that is on disk, by the same path that imported it, before anybody is served from it.
   * Throws StoreError naming the first fault. `progress` hears the height reached.
   */
  static async open(
    database: Database,
    rules: Rules,
    now: number,
    progress: (height: number) => void = () => undefined
  ): Promise<Chain> {
    await bindToNetwork(database, rules.network)
    const chain = new Chain(rules, database)
    const verifiers = new VerifierCache()
    for (let height = 1; ; height += 1) {
      const stored = headerAt(database, height)
      if (stored === undefined) break
      const { header, checkpoint } = expectStored(`header ${height}`, () => decodeStoredHeader(stored))
      const read = readBlockHeader(header, checkpoint, verifiers, rules.ordering)
      if (!read.ok) throw damaged({ ...read.fault, height })
      const { size, count } = read.signed.header
      const envelopes = await envelopesBetween(database, size - count, size)
      const advanced = advance(chain.#cursor, { signed: read.signed, envelopes }, rules, now)
      if (!advanced.ok) throw damaged(advanced.fault)
      const { tree, writes } = chain.#tree.extend(advanced.leaves)
      for (const { key } of writes) await expectWritten(database, key, writes, height)
      expectBlockIndexed(database, read.signed.id, height)
      expectMessagesIndexed(database, size - count, envelopes, advanced.leaves)
      chain.#tree = tree
      chain.#cursor = advanced.cursor
      progress(height)
    }
    await expectNoMoreBlocks(database, chain.head().header.height, chain.#tree.fullTiles)
    return chain
  }

  head(): CheckpointedHeader {
    return this.#cursor.signed
  }

  /** As the state of the head has it: what decides who may extend it. */
  stakes(): Stakes {
    return this.rules.application.stakes(this.#cursor.state)
  }

  /** The next block over messages that the journal holds on disk already. */
  draft(
    messages: { readonly envelopes: readonly EnvelopeBytes[]; readonly leaves: readonly Hash[] },
    producer: PeerIdBytes,
    now: number
  ): Draft {
    return draft(this.#cursor, messages, producer, this.rules, now)
  }

  /** Writes the header of an own draft, once signed. The messages are in the journal: nothing else is missing. */
  async append(own: Draft, signed: CheckpointedHeader): Promise<void> {
    await this.#commit(cursorAfter(this.#cursor, own, signed, this.rules), own.leaves, [])
  }

  /**
   * Takes a block from elsewhere, whose header has been read and whose messages' signatures have been checked.
   * `names`: of its messages, in order, where whoever checked them knows; reading them again takes long.
   */
  async import(block: Block, now: number, names?: readonly MessageName[]): Promise<Imported> {
    const { header, id } = block.signed
    const head = this.head().header
    if (header.height <= head.height) {
      const ours = this.headerAt(header.height)
      if (ours === undefined) return { kind: 'orphan' }
      return equal(ours.id, id) ? { kind: 'known' } : { kind: 'conflict', ours }
    }
    if (header.height > head.height + 1) return { kind: 'orphan' }
    const advanced = advance(this.#cursor, block, this.rules, now)
    if (!advanced.ok) return { kind: 'invalid', fault: advanced.fault }
    const writes = this.#messageWrites(block, advanced.leaves, names)
    if ('kind' in writes) return { kind: 'invalid', fault: writes }
    await this.#commit(advanced.cursor, advanced.leaves, writes)
    return { kind: 'extended', signed: block.signed }
  }

  /** The header of a block on this chain; height 0 is the genesis. */
  headerAt(height: number): CheckpointedHeader | undefined {
    if (height === 0) return genesisCursor(this.rules).signed
    if (!Number.isSafeInteger(height) || height < 0 || height > this.head().header.height) return undefined
    const stored = headerAt(this.database, height)
    return stored && expectStored(`header ${height}`, () => readStoredHeader(stored))
  }

  headerById(id: Hash): CheckpointedHeader | undefined {
    const genesis = genesisCursor(this.rules).signed
    if (equal(id, genesis.id)) return genesis
    const height = heightOfId(this.database, id)
    const signed = height === undefined ? undefined : this.headerAt(height)
    return signed && equal(signed.id, id) ? signed : undefined
  }

  /** A block as it goes over the wire. */
  async encodedBlock(signed: CheckpointedHeader): Promise<Uint8Array> {
    const { height, size, count } = signed.header
    if (height === 0) return encodeGenesis(this.rules.network.canonical)
    const envelopes = await envelopesBetween(this.database, size - count, size)
    if (envelopes.length !== count) throw new StoreError(`messages of block ${height} are missing`)
    return encodeBlock({ signed, envelopes })
  }

  /** The edge of the log of the first `size` messages, which are in blocks. */
  frontierAt(size: number): Frontier {
    return Frontier.at(size, this.#tree.subtree)
  }

  /** Proof of the message at `position` under the header of the block that holds it; undefined while none does. */
  inclusion(position: number): Inclusion | undefined {
    if (!Number.isSafeInteger(position) || position < 0 || position >= this.#tree.size) return undefined
    const signed = this.#blockOf(position)
    const path = inclusionPath(position, signed.header.size, this.#tree.subtree)
    return { position, leaf: this.#tree.subtree(position, position + 1), path, signed }
  }

  /** Proof of the message at `position` in the log of the first `size` messages; undefined without such a log. */
  inclusionInLog(position: number, size: number): Pick<Inclusion, 'leaf' | 'path'> | undefined {
    if (!Number.isSafeInteger(position) || position < 0 || position >= size) return undefined
    if (!Number.isSafeInteger(size) || size > this.#tree.size) return undefined
    const { subtree } = this.#tree
    return { leaf: subtree(position, position + 1), path: inclusionPath(position, size, subtree) }
  }

  async inclusionOfLeaf(leaf: Hash): Promise<Inclusion | undefined> {
    for (const position of await positionsOfLeaf(this.database, leaf)) {
      const inclusion = this.inclusion(position)
      if (inclusion !== undefined && equal(inclusion.leaf, leaf)) return inclusion
    }
    return undefined
  }

  /** Undefined where the log has never had one of the sizes. */
  consistency(from: number, to: number): Hash[] | undefined {
    if (!Number.isSafeInteger(from) || from < 0 || from > to || to > this.#tree.size) return undefined
    return consistencyPath(from, to, this.#tree.subtree)
  }

  /** One batch: the header, its messages where they are new, and the tiles it fills. The head moves after it. */
  async #commit(cursor: Cursor, leaves: readonly Hash[], messages: Write[]): Promise<void> {
    const { tree, writes } = this.#tree.extend(leaves)
    await writeDurably(this.database, [...messages, ...writes, ...headerWrites(cursor.signed)])
    this.#tree = tree
    this.#cursor = cursor
  }

  #messageWrites(
    block: Block,
    leaves: readonly Hash[],
    names: readonly MessageName[] | undefined
  ): Write[] | Fault {
    const { height, size, count } = block.signed.header
    const inBlock = new Set<string>()
    const writes: Write[] = []
    for (const [index, leaf] of leaves.entries()) {
      const position = size - count + index
      const envelope = block.envelopes[index]
      if (envelope === undefined) return { kind: 'missing', height, position, detail: 'no message' }
      const { author, sequence } = names?.[index] ?? decodeMessage(decodeEnvelope(envelope).payload)
      const name = `${Buffer.from(author).toString('latin1')} ${sequence}`
      if (inBlock.has(name) || placeOf(this.database, author, sequence) !== undefined)
        return { kind: 'duplicate', height, position, detail: 'its author has used this sequence before' }
      inBlock.add(name)
      writes.push(...messageWrites({ envelope, leaf, author, sequence }, position, undefined))
    }
    return writes
  }

  /** Heights and sizes grow together, so the block is found by bisection. */
  #blockOf(position: number): CheckpointedHeader {
    let low = 1
    let high = this.head().header.height
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const signed = this.headerAt(middle)
      if (signed === undefined) throw new StoreError(`header ${middle} is missing`)
      if (position < signed.header.size) high = middle
      else low = middle + 1
    }
    const signed = this.headerAt(low)
    if (signed === undefined) throw new StoreError(`header ${low} is missing`)
    return signed
  }

  /** The leaf of any message on disk, in a block or pending. */
  leafAt(position: number): Hash | undefined {
    if (position < this.#tree.size) return this.#tree.subtree(position, position + 1)
    const envelope = envelopeAt(this.database, position)
    return envelope && leafHash(envelope)
  }
}

function damaged(fault: Fault): StoreError {
  return new StoreError(`${describeFault(fault)}; restore the folder from a copy, or fetch the log anew`)
}

async function expectWritten(
  database: Database,
  key: Uint8Array,
  writes: readonly Write[],
  height: number
): Promise<void> {
  const write = writes.find(other => other.key === key)
  const stored = await database.get(key)
  if (write?.type !== 'put' || stored === undefined || !equal(stored, write.value))
    throw damaged({ kind: 'log', height, detail: 'a tile of the log tree is not what the messages give' })
}
