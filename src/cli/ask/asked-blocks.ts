import type { ReadBlock } from '../../chain/stored-blocks.js'
import type { Block, CheckpointedHeader } from '../../core/block.js'
import { equal } from '../../core/bytes.js'
import { forkEvidence } from '../../core/evidence.js'
import { LIMITS } from '../../core/limits.js'
import type { BlockQueries } from '../../query/block-queries.js'
import { Contradiction, InvalidAnswer, isFalseAnswer } from '../../query/query-errors.js'

/** The blocks that a peer shows, up to a head; what does not hold becomes a fault. */
export async function* askedBlocks(asker: BlockQueries, head: CheckpointedHeader): AsyncIterable<ReadBlock> {
  const mayMove = asker.rules.ordering.sequencer === undefined
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
    if (error instanceof InvalidAnswer && error.fault !== undefined)
      yield { fault: { height: next, ...error.fault } }
    else if (isFalseAnswer(error)) yield { fault: { kind: 'encoding', height: next, detail: error.message } }
    else throw error
  }
}

/** Up to the head that was verified, where nothing ever replaces a block. */
async function* pagesTo(asker: BlockQueries, head: CheckpointedHeader): AsyncIterable<Block> {
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

/**
 * By the ids that were verified: the peer may move to another branch, and then still has the blocks of the one it
 * has left. It cannot show a lighter chain than the one that was chosen.
 */
async function* branchTo(asker: BlockQueries, last: number): AsyncIterable<Block> {
  for (let next = 1; next <= last; ) {
    const from = next
    const ids = asker.verifiedIds(from, Math.min(LIMITS.blockIds, last - from + 1))
    for await (const block of asker.blocksById(ids)) {
      yield block
      next += 1
    }
    if (next === from) return
  }
}
