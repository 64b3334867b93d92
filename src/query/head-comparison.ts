import type { CheckpointedHeader } from '../core/block.js'
import { equal } from '../core/bytes.js'
import { type ErrorCode, hasCode } from '../core/errors.js'
import { brokenChainEvidence, brokenLogEvidence, forkEvidence } from '../core/evidence.js'
import { leafHash } from '../core/merkle.js'
import type { BlockQueries } from './block-queries.js'
import { Contradiction } from './query-errors.js'

/** How the head that a peer shows stands to one that was verified before. */
export type HeadComparison =
  | { readonly kind: 'same' }
  /** It has grown; proved to begin with all that was there. */
  | { readonly kind: 'newer'; readonly head: CheckpointedHeader }
  /** The peer is behind: a follower may be, a sequencer may not. */
  | { readonly kind: 'older'; readonly head: CheckpointedHeader }

/**
 * A light client's step: from the head it holds to the one a peer shows, by one signed header and one
 * consistency proof, however many blocks lie between. Throws Contradiction where they cannot both be true.
 */
export async function compareHeads(asker: BlockQueries, held: CheckpointedHeader): Promise<HeadComparison> {
  const shown = await asker.header()
  const { height } = shown.header
  if (height < held.header.height) return { kind: 'older', head: shown }
  if (height === held.header.height) {
    if (equal(shown.id, held.id)) return { kind: 'same' }
    throw contradiction(held, shown, forkEvidence(held, shown))
  }
  if (await isConsistent(asker, held, shown)) return { kind: 'newer', head: shown }
  throw contradiction(held, shown, await findBreak(asker, held, shown))
}

function contradiction(
  held: CheckpointedHeader,
  shown: CheckpointedHeader,
  evidence: Uint8Array | undefined
): Contradiction {
  return new Contradiction(
    `the log has changed: block ${shown.header.height} does not continue the log of block ${held.header.height}, which was verified before`,
    evidence
  )
}

/** A proof that is kept back is as good as one that fails. */
const NO_PROOF: readonly ErrorCode[] = ['ERR_NOT_FOUND', 'ERR_INVALID_ANSWER', 'ERR_CONTRADICTION']

async function isConsistent(
  asker: BlockQueries,
  one: CheckpointedHeader,
  other: CheckpointedHeader
): Promise<boolean> {
  try {
    await asker.consistency(one.header, other.header)
    return true
  } catch (error) {
    if (hasCode(error, ...NO_PROOF)) return false
    throw error
  }
}

/**
 * Looks, in the peer's own blocks, for two signed things that cannot both be true. Undefined where the peer
 * does not show enough: then it is not known whether the peer lies or the sequencer.
 */
async function findBreak(
  asker: BlockQueries,
  held: CheckpointedHeader,
  shown: CheckpointedHeader
): Promise<Uint8Array | undefined> {
  try {
    const same = await asker.headerAt(held.header.height)
    if (!equal(same.id, held.id)) return forkEvidence(held, same)
    // The last block that continues the held log, and the first one that does not, meet by bisection.
    let last = held
    let first = shown
    while (first.header.height - last.header.height > 1) {
      const middle = await asker.headerAt(Math.floor((last.header.height + first.header.height) / 2))
      if (await isConsistent(asker, held, middle)) last = middle
      else first = middle
    }
    const isGenesis = last.header.height === 0
    if (!isGenesis && !equal(first.header.parent, last.id)) return brokenChainEvidence(last, first)
    const { block, peaks } = await asker.claimedBlock(first.header.height)
    return brokenLogEvidence(isGenesis ? undefined : last, first, peaks, block.envelopes.map(leafHash))
  } catch (error) {
    if (hasCode(error, ...NO_PROOF)) return undefined
    throw error
  }
}
