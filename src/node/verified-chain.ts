import { setImmediate } from 'node:timers/promises'
import { ancestorsAfter, genesisCursor, linkHeader, type Rules } from '../chain/cursor.js'
import type { CheckpointedHeader } from '../core/block.js'
import { equal, type Hash } from '../core/bytes.js'
import { isPassingFault } from '../core/fault.js'
import { LIMITS } from '../core/limits.js'
import { NO_STAKES } from '../core/stakes.js'
import type { ClaimAsker } from './claim-asker.js'
import type { HeaderPlace } from './forks/header-chain.js'
import { NotFound, QueryFailed, Untrue } from './query-errors.js'

/** The chain of another peer, as it answers. */
type Source = Pick<ClaimAsker, 'header' | 'headerAt' | 'headerPage'>

/** How often it is begun anew where the peer moves to another branch meanwhile. */
const TRIES = 5

/**
 * The chain of one peer, for networks where a head counts by the work behind it: every header is verified as the child
 * of the one before it, from the genesis on, so that height and weight rest on nothing that the peer says.
 */
export class VerifiedChain {
  /** Of the blocks from 1 on. */
  readonly #ids: Hash[] = []
  /** Those after the last blocks: a reorg goes back to one of them. Never empty. */
  #places: HeaderPlace[]
  #turn: Promise<void> = Promise.resolve()

  constructor(
    private readonly source: Source,
    private readonly rules: Rules,
    private readonly now: () => number
  ) {
    this.#places = [genesisCursor(rules)]
  }

  get head(): CheckpointedHeader {
    return this.#last.signed
  }

  /** Of all blocks up to the head. */
  get weight(): bigint {
    return this.#last.weight
  }

  /** Whether the block with this id is the one at this height. */
  has(height: number, id: Hash): boolean {
    if (height === 0) return equal(id, genesisCursor(this.rules).signed.id)
    const held = this.#ids[height - 1]
    return held !== undefined && equal(held, id)
  }

  /**
   * Goes on to the head that the peer shows now, on whichever branch that is. Throws Untrue where a header does not
   * hold, QueryFailed where there is no answer. One call after the other, as somebody may have stopped waiting for the last.
   */
  follow(): Promise<void> {
    this.#turn = this.#turn.catch(() => undefined).then(() => this.#follow())
    return this.#turn
  }

  async #follow(): Promise<void> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const { height } = (await this.source.header()).header
      await this.#retreat()
      if (await this.#advance(height)) return
    }
    throw new QueryFailed('the peer does not show its chain up to the head that it names; ask again')
  }

  /** Leaves the blocks that are not on the peer's chain any more. */
  async #retreat(): Promise<void> {
    for (let { header, id } = this.head; header.height > 0; { header, id } = this.head) {
      if (await this.#isShown(header.height, id)) return
      this.#places.pop()
      this.#ids.pop()
      if (this.#places.length > 0) continue
      // Deeper than a reorg may reach: nothing of it is held any more.
      this.#ids.length = 0
      this.#places = [genesisCursor(this.rules)]
    }
  }

  async #isShown(height: number, id: Hash): Promise<boolean> {
    try {
      return equal((await this.source.headerAt(height)).id, id)
    } catch (error) {
      if (error instanceof NotFound) return false
      throw error
    }
  }

  /** False where the headers do not reach the height, or belong to another branch than those that are held. */
  async #advance(height: number): Promise<boolean> {
    while (this.head.header.height < height) {
      const from = this.head.header.height + 1
      for await (const signed of this.source.headerPage(from, LIMITS.rangeHeaders)) {
        if (!equal(signed.header.parent, this.head.id)) return false
        const fault = linkHeader(this.#last, signed, this.rules, NO_STAKES, this.now())
        // It counts when its time has come.
        if (fault !== undefined && isPassingFault(fault)) return true
        if (fault !== undefined) throw Untrue.fault(fault)
        this.#add(signed)
        if (this.#ids.length % LIMITS.headersInTurn === 0) await setImmediate()
      }
      if (this.head.header.height < from) return false
    }
    return true
  }

  #add(signed: CheckpointedHeader): void {
    const { ordering } = this.rules
    const { ancestors, weight } = this.#last
    this.#ids.push(signed.id)
    this.#places.push({
      signed,
      ancestors: ancestorsAfter(ancestors, signed.header, ordering),
      weight: weight + ordering.weight(signed.header)
    })
    if (this.#places.length > ordering.maxReorg + 1) this.#places.shift()
  }

  get #last(): HeaderPlace {
    const last = this.#places.at(-1)
    if (last === undefined) throw new RangeError('there is always a place: that of the genesis at first')
    return last
  }
}
