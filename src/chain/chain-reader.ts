import { type CheckpointedHeader, encodeBlock, encodeGenesis, readStoredHeader } from '../core/block.js'
import { equal, type Hash } from '../core/bytes.js'
import { consistencyPath, Frontier, inclusionPath, leafHash } from '../core/merkle.js'
import type { Rules } from '../rules/rules.js'
import { genesisCursor } from './cursor.js'
import type { LogTree } from './log-tree.js'
import {
  type Database,
  envelopeAt,
  envelopesBetween,
  expectStored,
  headerAt,
  heightOfId,
  positionsOfLeaf,
  type Readable,
  StoreError
} from './store.js'

export interface Inclusion {
  readonly position: number
  readonly leaf: Hash
  readonly path: readonly Hash[]
  readonly signed: CheckpointedHeader
}

/** What can be asked of the main chain: its blocks, and proofs of its log. */
export abstract class ChainReader {
  constructor(
    readonly rules: Rules,
    protected readonly database: Database
  ) {}

  abstract head(): CheckpointedHeader
  /** Over all messages in blocks of the main chain. */
  protected abstract get tree(): LogTree
  /** What is on disk up to the head, and nothing of the next one. */
  protected abstract get view(): Readable

  /** The header of a block on the main chain; height 0 is the genesis. */
  headerAt(height: number): CheckpointedHeader | undefined {
    if (height === 0) return genesisCursor(this.rules).signed
    if (!Number.isSafeInteger(height) || height < 0 || height > this.head().header.height) return undefined
    const stored = headerAt(this.view, height)
    return stored && expectStored(`header ${height}`, () => readStoredHeader(stored))
  }

  headerById(id: Hash): CheckpointedHeader | undefined {
    const genesis = genesisCursor(this.rules).signed
    if (equal(id, genesis.id)) return genesis
    const height = heightOfId(this.view, id)
    const signed = height === undefined ? undefined : this.headerAt(height)
    return signed && equal(signed.id, id) ? signed : undefined
  }

  /** A block of the main chain as it goes over the wire. */
  async encodedBlock(signed: CheckpointedHeader): Promise<Uint8Array | undefined> {
    const { height, size, count } = signed.header
    if (height === 0) return encodeGenesis(this.rules.network.canonical)
    const envelopes = await envelopesBetween(this.view, size - count, size)
    if (envelopes.length !== count) throw new StoreError(`messages of block ${height} are missing`)
    return encodeBlock({ signed, envelopes })
  }

  /** The edge of the log of the first `size` messages, which are in blocks. */
  frontierAt(size: number): Frontier {
    return Frontier.at(size, this.tree.subtree)
  }

  /** Proof of the message at `position` under the header of the block that holds it; undefined while none does. */
  inclusion(position: number): Inclusion | undefined {
    if (!Number.isSafeInteger(position) || position < 0 || position >= this.tree.size) return undefined
    const signed = this.#blockOf(position)
    const path = inclusionPath(position, signed.header.size, this.tree.subtree)
    return { position, leaf: this.tree.subtree(position, position + 1), path, signed }
  }

  /** Proof of the message at `position` in the log of the first `size` messages; undefined without such a log. */
  inclusionInLog(position: number, size: number): Pick<Inclusion, 'leaf' | 'path'> | undefined {
    if (!Number.isSafeInteger(position) || position < 0 || position >= size) return undefined
    if (!Number.isSafeInteger(size) || size > this.tree.size) return undefined
    const { subtree } = this.tree
    return { leaf: subtree(position, position + 1), path: inclusionPath(position, size, subtree) }
  }

  async inclusionOfLeaf(leaf: Hash): Promise<Inclusion | undefined> {
    for (const position of await positionsOfLeaf(this.view, leaf)) {
      const inclusion = this.inclusion(position)
      if (inclusion !== undefined && equal(inclusion.leaf, leaf)) return inclusion
    }
    return undefined
  }

  /** Undefined where the log has never had one of the sizes. */
  consistency(from: number, to: number): Hash[] | undefined {
    if (!Number.isSafeInteger(from) || from < 0 || from > to || to > this.tree.size) return undefined
    return consistencyPath(from, to, this.tree.subtree)
  }

  /** The leaf of any message on disk, in a block or pending. */
  leafAt(position: number): Hash | undefined {
    if (position < this.tree.size) return this.tree.subtree(position, position + 1)
    const envelope = envelopeAt(this.database, position)
    return envelope && leafHash(envelope)
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
}
