import type { Place } from '../chain/cursor.js'
import type { Block } from '../core/block.js'
import { equal, type Hash } from '../core/bytes.js'
import { forkEvidence } from '../core/evidence.js'
import { LIMITS } from '../core/limits.js'
import { BlockQueries } from './block-queries.js'
import { Contradiction, InvalidAnswer, QueryFailed } from './query-errors.js'

/** A block, and all that is needed to judge the next one by. */
export interface PlacedBlock {
  readonly block: Block
  readonly place: Place
}

/** Reads on through a peer's log from any block, and believes what stands under the head that is tied. */
export class LogQueries extends BlockQueries {
  /** The place after a block of the chain, which is verified whole. */
  async placeAt(height: number): Promise<Place> {
    const { block, place } = await this.verifiedPlace({ kind: 'height', height })
    if (block.signed.header.height !== height)
      throw new InvalidAnswer(`asked for block ${height}, was given another`)
    return place
  }

  /**
   * The blocks after a verified place, up to a height that the peer's head has reached. Their headers are verified and
   * tied first, so that each block that is given belongs to the log of the head; then it is verified whole, but for a
   * state that changes. Holds no more than a page, however slow its reader is.
   */
  async *blocksAfter(after: Place, to: number): AsyncIterable<PlacedBlock> {
    for (let place = after; place.signed.header.height < to; ) {
      const from = place.signed.header.height + 1
      const ids = await this.#idsAfter(place, Math.min(LIMITS.rangeHeaders, to - from + 1))
      if (ids.length === 0) throw this.#keptBack(from)
      for (let first = 0; first < ids.length; first += LIMITS.blockIds) {
        const part = ids.slice(first, first + LIMITS.blockIds)
        for (let next = 0; next < part.length; ) {
          const page = await this.#page(part.slice(next))
          if (page.length === 0) throw this.#keptBack(from + first + next)
          for (const block of page) {
            place = await this.verifier.expectNext(place, block)
            yield { block, place }
          }
          next += page.length
        }
      }
    }
  }

  async #idsAfter({ signed }: Place, count: number): Promise<Hash[]> {
    const ids: Hash[] = []
    for await (const next of this.headers(signed.header.height + 1, count)) {
      if (ids.length === 0 && !equal(next.header.parent, signed.id)) {
        if (this.rules.ordering.sequencer === undefined) throw moved(next.header.height)
        const other = await this.headerAt(signed.header.height)
        throw new Contradiction(
          `block ${next.header.height} does not continue block ${signed.header.height}, which was verified before`,
          equal(other.id, signed.id) ? undefined : forkEvidence(signed, other)
        )
      }
      ids.push(next.id)
    }
    return ids
  }

  /** As many of the first of them as come in one answer. What goes wrong after some of them goes wrong again when it is due. */
  async #page(ids: readonly Hash[]): Promise<Block[]> {
    const page: Block[] = []
    let bytes = 0
    try {
      for await (const block of this.blocksById(ids)) {
        page.push(block)
        bytes += block.envelopes.reduce((sum, { length }) => sum + length, 0)
        if (bytes > LIMITS.rangeBytes) break
      }
    } catch (error) {
      if (page.length === 0) throw error
    }
    return page
  }

  #keptBack(height: number): Error {
    if (this.rules.ordering.sequencer === undefined) return moved(height)
    return new InvalidAnswer(`it keeps back block ${height}, and has shown a later one as its head`)
  }
}

function moved(height: number): QueryFailed {
  return new QueryFailed(`the peer's chain moved to another branch before block ${height} came; ask again`)
}
