import type { Answer } from '../core/answer.js'
import type { CheckpointedHeader } from '../core/block.js'
import { equal, type Hash, toHex } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Query } from '../core/query.js'
import { type Handler, notFound, type Reply, replyWith } from './handler.js'

/** A chain that others may have, wherever it lies. It may move to another branch at any time. */
export interface ServedChain {
  head(): CheckpointedHeader
  /** Of all blocks up to the head. */
  weight(): bigint
  /** Of a block on the chain; height 0 is the genesis. */
  headerAt(height: number): CheckpointedHeader | undefined
  /** Of a block on the chain or, where other branches are kept, beside it. */
  headerById(id: Hash): CheckpointedHeader | undefined
  /** Such a block as it goes over the wire; undefined where its messages are not here. */
  encodedBlock(signed: CheckpointedHeader): Promise<Uint8Array | undefined>
}

/** Tells how far a chain is, and gives it to those who verify it themselves: headers, pages, blocks by their ids. */
export class ChainHandler implements Handler {
  /** `pending`: messages that are on disk and in no block yet. */
  constructor(
    private readonly chain: ServedChain,
    private readonly pending: () => number
  ) {}

  reply(query: Query): Reply | undefined {
    const { chain } = this
    switch (query.kind) {
      case 'status':
        return replyWith(this.#status())
      case 'headerOfHead':
        return replyWith(headerAnswer(chain.head()))
      case 'headerOfHeight':
        return replyWith(headerOr(chain.headerAt(query.height), () => noBlockAt(chain, query.height)))
      case 'headerOfId':
        return replyWith(headerOr(chain.headerById(query.id), () => noBlock(query.id)))
      case 'headers':
        return { answers: this.#headers(query.from, query.limit) }
      case 'range':
        return { answers: this.#range(query.from, query.limit) }
      case 'blocksById':
        return { answers: this.#blocks(query.ids) }
      default:
        return undefined
    }
  }

  #status(): Answer {
    const { header, id } = this.chain.head()
    const { height, size } = header
    return { kind: 'status', height, size, pending: this.pending(), head: id, weight: this.chain.weight() }
  }

  /** A page ends early where the chain moves to another branch: each block in it is the child of the one before. */
  *#page(from: number, limit: number): Iterable<CheckpointedHeader> {
    let last: CheckpointedHeader | undefined
    for (let height = from; height - from < limit; height += 1) {
      const signed = this.chain.headerAt(height)
      if (signed === undefined || (last !== undefined && !equal(signed.header.parent, last.id))) return
      yield signed
      last = signed
    }
  }

  *#headers(from: number, limit: number): Iterable<Answer> {
    let next = from
    for (const signed of this.#page(from, Math.min(limit, LIMITS.rangeHeaders))) {
      yield headerAnswer(signed)
      if (signed.header.height === 0) return
      next += 1
    }
    yield endOfPage(from, next)
  }

  async *#range(from: number, limit: number): AsyncIterable<Answer> {
    let next = from
    let bytes = 0
    for (const signed of this.#page(from, Math.min(limit, LIMITS.rangeBlocks))) {
      const block = bytes > LIMITS.rangeBytes ? undefined : await this.chain.encodedBlock(signed)
      if (block === undefined) break
      bytes += block.length
      yield { kind: 'block', block, peaks: [] }
      next += 1
    }
    yield endOfPage(from, next)
  }

  async *#blocks(ids: readonly Hash[]): AsyncIterable<Answer> {
    let next = 0
    let bytes = 0
    for (const id of ids) {
      if (bytes > LIMITS.rangeBytes) break
      const signed = this.chain.headerById(id)
      const block = signed && (await this.chain.encodedBlock(signed))
      bytes += block?.length ?? 0
      yield block === undefined ? { kind: 'missing', id } : { kind: 'block', block, peaks: [] }
      next += 1
    }
    yield { kind: 'done', next }
  }
}

export function noBlockAt(chain: Pick<ServedChain, 'head'>, height: number): Answer {
  return notFound(`no block ${height}; the head is ${chain.head().header.height}`)
}

export function noBlock(id: Hash): Answer {
  return notFound(`no block ${toHex(id)}`)
}

function endOfPage(from: number, next: number): Answer {
  return next === from ? notFound(`no block ${from}`) : { kind: 'done', next }
}

function headerOr(signed: CheckpointedHeader | undefined, otherwise: () => Answer): Answer {
  return signed === undefined ? otherwise() : headerAnswer(signed)
}

/** The genesis has no signed header: it follows from the network document. */
function headerAnswer({ header: { height }, envelope: header, checkpoint }: CheckpointedHeader): Answer {
  return height === 0
    ? notFound('nobody signs the genesis, which follows from the network document')
    : { kind: 'header', header, checkpoint }
}
