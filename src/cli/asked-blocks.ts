import type { ReadBlock } from '../chain/stored-blocks.js'
import type { Block, CheckpointedHeader } from '../core/block.js'
import { equal, type Hash } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import { forkEvidence } from '../core/evidence.js'
import { LIMITS } from '../core/limits.js'
import type { Asker } from '../node/asker.js'
import { Contradiction, Untrue } from '../node/query-errors.js'
import { Failure } from './failure.js'

/** The blocks that a peer shows, up to a head; what does not hold becomes a fault. */
export async function* askedBlocks(asker: Asker, head: CheckpointedHeader): AsyncIterable<ReadBlock> {
  const mayMove = asker.rules.ordering.maxReorg > 0
  const last = head.header.height
  let next = 1
  try {
    for await (const block of mayMove ? branchTo(asker, last) : pagesTo(asker, head)) {
      yield { block }
      next += 1
    }
    if (next <= last) yield { fault: { kind: 'missing', height: next, detail: 'the peer does not give it' } }
  } catch (error) {
    if (error instanceof Contradiction) throw error
    if (error instanceof Untrue && error.fault !== undefined)
      yield { fault: { height: next, ...error.fault } }
    else if (error instanceof Untrue || error instanceof DecodeError)
      yield { fault: { kind: 'encoding', height: next, detail: error.message } }
    else throw error
  }
}

/** Up to the head that was verified, where nothing ever replaces a block. */
async function* pagesTo(asker: Asker, head: CheckpointedHeader): AsyncIterable<Block> {
  const last = head.header.height
  for (let next = 1; next <= last; ) {
    const from = next
    for await (const block of asker.page(from, Math.min(LIMITS.rangeBlocks, last - from + 1))) {
      if (next === last && !equal(block.signed.id, head.id))
        throw new Contradiction(
          `the peer shows another block ${last} than the head it has shown`,
          forkEvidence(head, block.signed)
        )
      yield block
      next += 1
    }
    if (next === from) return
  }
}

/** By their ids: the peer may move to another branch meanwhile, and then still has the blocks of the one it has left. */
async function* branchTo(asker: Asker, last: number): AsyncIterable<Block> {
  for (let tries = 0; tries < 5; tries += 1) {
    const ids = await idsTo(asker, last)
    if (ids !== undefined) return yield* asker.blocksById(ids)
  }
  throw new Failure(
    'the chain of this peer moves from branch to branch faster than it can be read; try again'
  )
}

/** Undefined where the chain has moved to another branch between two pages. */
async function idsTo(asker: Asker, last: number): Promise<Hash[] | undefined> {
  const ids: Hash[] = []
  while (ids.length < last) {
    const from = ids.length + 1
    for await (const { id, header } of asker.headerPage(from, last - from + 1)) {
      const before = ids.at(-1)
      if (before !== undefined && !equal(header.parent, before)) return undefined
      ids.push(id)
    }
    if (ids.length < from) return ids
  }
  return ids
}
