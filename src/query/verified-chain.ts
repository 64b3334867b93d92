import { setImmediate } from 'node:timers/promises'
import { ancestorsAfter, checkHeader, genesisCursor } from '../chain/cursor.js'
import type { HeaderPlace } from '../chain/header-chain.js'
import type { CheckpointedHeader, Header } from '../core/block.js'
import { equal, type Hash } from '../core/bytes.js'
import { isPassingFault } from '../core/fault.js'
import { LIMITS } from '../core/limits.js'
import { unlessAborted, untilAborted, within } from '../lifecycle/waiting.js'
import type { Rules } from '../rules/rules.js'
import type { HeaderQueries } from './header-queries.js'
import { PackedIds } from './packed-ids.js'
import { ChainTooLong, decided, InvalidAnswer, NotFound, QueryFailed } from './query-errors.js'

/** The chain of another peer, as it answers. */
export type ChainShown = Pick<HeaderQueries, 'header' | 'headerAt' | 'headerPage'>

/** How often it is begun anew where the peer moves to another branch meanwhile. */
const TRIES = 5

/**
 * The chain of one peer, for networks where a head counts by the work behind it: every header is verified as the child
 * of the one before it, from the genesis on, so that height and weight rest on nothing that the peer says. A peer can
 * make easy headers for next to nothing, so that how many are looked at, and for how long, is limited.
 */
export class VerifiedChain {
  /** Of the blocks from 1 on. */
  readonly #ids = new PackedIds()
  /** Those after the last blocks: a reorg goes back to one of them. Never empty. */
  #places: HeaderPlace[]
  #turn: Promise<void> = Promise.resolve()
  /** Headers that this peer has had verified, also of branches that it has left. */
  #looked = 0
  #least = 0n

  constructor(
    private readonly source: ChainShown,
    private readonly rules: Rules,
    private readonly now: () => number,
    private readonly most: number = LIMITS.chainHeaders
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

  /** How many headers this peer has had verified: not those that another one had shown before. */
  get looked(): number {
    return this.#looked
  }

  /** Whether the block with this id is the one at this height. */
  has(height: number, id: Hash): boolean {
    if (height === 0) return equal(id, genesisCursor(this.rules).signed.id)
    return this.#ids.holds(height - 1, id)
  }

  /** Of the block at a height from 1 on. */
  idAt(height: number): Hash | undefined {
    return this.#ids.at(height - 1)
  }

  /** From now on a chain with less work is not followed: it was chosen for what it weighs. */
  expectWeight(least: bigint): void {
    this.#least = least
  }

  /**
   * Goes on to the head that the peer shows now, on whichever branch that is, and from where `known` and the peer's chain
   * part. Throws Untrue where a header does not hold, ChainTooLong where there are more than are looked at, QueryFailed
   * where there is no answer in time; what has been verified until then stays. One call after the other, as a caller may
   * have stopped waiting for the last.
   */
  follow(signal?: AbortSignal, known?: VerifiedChain): Promise<void> {
    const deadline = within(LIMITS.chainMs, signal ?? new AbortController().signal)
    this.#turn = this.#turn.catch(() => undefined).then(() => this.#follow(deadline, known))
    return this.#turn
  }

  async #follow(signal: AbortSignal, known: VerifiedChain | undefined): Promise<void> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const { header } = await this.#inTime(this.source.header(), signal)
      this.#expectPossible(header)
      await this.#retreat(signal)
      if (known !== undefined && known !== this) await this.#join(known, header.height, signal)
      if (!(await this.#advance(header.height, signal))) continue
      if (this.weight < this.#least)
        throw new QueryFailed('the peer has moved to a chain with less work than it had before; ask again')
      return
    }
    throw new QueryFailed('the peer does not show its chain up to the head that it names; ask again')
  }

  /** A head names its target, and has its work: how far a chain can be ahead of its schedule follows from that alone. */
  #expectPossible(header: Header): void {
    const fault = this.rules.ordering.screenHead(header, this.now() + LIMITS.clockSkewMs)
    if (fault !== undefined) throw InvalidAnswer.fault(fault)
  }

  /** Leaves the blocks that are not on the peer's chain any more. */
  async #retreat(signal: AbortSignal): Promise<void> {
    for (let { header, id } = this.head; header.height > 0; { header, id } = this.head) {
      if (await this.#isShown(header.height, id, signal)) return
      this.#places.pop()
      this.#ids.truncate(header.height - 1)
      if (this.#places.length > 0) continue
      // Deeper than a reorg may reach: nothing of it is held any more.
      this.#ids.truncate(0)
      this.#places = [genesisCursor(this.rules)]
    }
  }

  /** Takes over what the peer shares of another chain that was verified, if it goes further than its own. By bisection. */
  async #join(known: VerifiedChain, height: number, signal: AbortSignal): Promise<void> {
    const places = known.#places.filter(({ signed: { header } }) => header.height <= height)
    const isShared = async ({ signed: { header, id } }: HeaderPlace): Promise<boolean> =>
      header.height === 0 || (await this.#isShown(header.height, id, signal))
    let [low, high] = [0, places.length]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const place = places[middle]
      if (place !== undefined && (await isShared(place))) low = middle + 1
      else high = middle
    }
    const last = places[low - 1]
    if (last === undefined) return
    const { header, id } = last.signed
    // That chain may have moved.
    if (header.height <= this.head.header.height || !known.has(header.height, id)) return
    this.#ids.become(known.#ids, header.height)
    this.#places = places.slice(0, low)
  }

  async #isShown(height: number, id: Hash, signal: AbortSignal): Promise<boolean> {
    try {
      return equal((await this.#inTime(this.source.headerAt(height), signal)).id, id)
    } catch (error) {
      if (error instanceof NotFound) return false
      throw error
    }
  }

  /** False where the headers do not reach the height, or belong to another branch than those that are held. */
  async #advance(height: number, signal: AbortSignal): Promise<boolean> {
    while (this.head.header.height < height) {
      const from = this.head.header.height + 1
      const page = within(LIMITS.chainPageMs, signal)
      const shown = this.source.headerPage(from, LIMITS.rangeHeaders)
      for await (const signed of untilAborted(shown, page)) {
        if (!equal(signed.header.parent, this.head.id)) return false
        if (this.#looked >= this.most) throw new ChainTooLong(this.most)
        const { height: next } = signed.header
        const fault = decided(checkHeader(this.#last, signed, this.rules, this.now()), next)
        // It counts when its time has come.
        if (fault !== undefined && isPassingFault(fault)) return true
        if (fault !== undefined) throw InvalidAnswer.fault(fault)
        this.#add(signed)
        if (this.#ids.length % LIMITS.headersInTurn === 0) await setImmediate()
      }
      if (page.aborted) throw this.#tooSlow()
      // An honest page is whole, unless it comes to the head, or the chain moves.
      if (this.head.header.height < Math.min(height, from + LIMITS.rangeHeaders - 1)) return false
    }
    return true
  }

  #add(signed: CheckpointedHeader): void {
    const { ordering } = this.rules
    const { ancestors, weight } = this.#last
    this.#looked += 1
    this.#ids.push(signed.id)
    this.#places.push({
      signed,
      ancestors: ancestorsAfter(ancestors, signed.header, ordering),
      weight: weight + ordering.weight(signed.header)
    })
    if (this.#places.length > ordering.maxReorg + 1) this.#places.shift()
  }

  async #inTime<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    return unlessAborted(answer, signal).catch((error: unknown) => {
      throw signal.aborted ? this.#tooSlow() : error
    })
  }

  #tooSlow(): QueryFailed {
    return new QueryFailed(
      `the peer does not show its chain in time: ${this.head.header.height} headers of it are verified`
    )
  }

  get #last(): HeaderPlace {
    const last = this.#places.at(-1)
    if (last === undefined) throw new RangeError('there is always a place: that of the genesis at first')
    return last
  }
}
