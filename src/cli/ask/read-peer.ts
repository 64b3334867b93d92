import type { Place } from '../../chain/cursor.js'
import type { CheckpointedHeader } from '../../core/block.js'
import { hasCode } from '../../core/errors.js'
import { LIMITS } from '../../core/limits.js'
import { elapsed, unlessAborted } from '../../lifecycle/waiting.js'
import type { LogQueries } from '../../query/log-queries.js'
import { NotFound } from '../../query/query-errors.js'
import { Failure } from '../failure.js'
import type { MessagePrinter } from '../terminal/message-printer.js'
import { printLine } from '../terminal/terminal.js'
import { type Advance, type AskingOptions, readyToAsk } from './asking.js'
import { describeRange, type MessageRange, type ReadingWishes } from './message-range.js'

/** How far it has come when it ends. */
export interface LogEnd {
  /** Messages in blocks. */
  readonly size: number
  readonly height: number
  /** In no block yet, as the peer says; undefined where it was not asked. */
  readonly pending: number | undefined
}

/** Reads the messages of a peer's log, each verified before it is printed, over as many connections as it takes. */
export async function readPeer(
  options: AskingOptions,
  reading: ReadingWishes,
  printer: MessagePrinter
): Promise<LogEnd> {
  const { isFollowing, stopping } = reading
  const reader = new PeerReader(reading, printer)
  const ask = await readyToAsk({ ...options, stopping })
  for (let failures = 0; ; failures += 1) {
    const before = reader.blocks
    try {
      await ask((asker, head, advance) => unlessAborted(reader.read(asker, head, advance), stopping))
      return reader.end
    } catch (error) {
      if (stopping.aborted) return reader.end
      const hasMoved = reader.blocks > before
      const isPassing = hasCode(error, 'ERR_NO_ANSWER', 'ERR_QUERY_REFUSED', 'ERR_UNREACHABLE')
      if (!isPassing || !(isFollowing ? reader.hasBegun : hasMoved)) throw error
      if (hasMoved) failures = 0
      if (failures === 0) printLine(`${error.message}; it is asked again until it answers`)
      const { first, longest } = LIMITS.redialMs
      await elapsed(Math.min(longest, first * 2 ** Math.min(failures, 10)), stopping)
      if (stopping.aborted) return reader.end
    }
  }
}

/** Where a block stands that was shown, and where its messages begin. */
interface ShownBlock {
  readonly place: Place
  readonly first: number
}

class PeerReader {
  /** Undefined until it is known where the log ended when it was first followed. */
  #range: MessageRange | undefined
  /** The last ones: as many as a reorg may take away, and one. */
  #shown: ShownBlock[] = []
  /** The lowest position that is still to be shown. */
  #next = 0
  /** How many selected messages have been shown, of all authors. */
  #meant = 0
  #pending: number | undefined
  #head: CheckpointedHeader | undefined
  hasBegun = false
  blocks = 0

  constructor(
    private readonly reading: ReadingWishes,
    private readonly printer: MessagePrinter
  ) {
    const { range, isFollowing } = reading
    this.#range = range ?? (isFollowing ? undefined : { kind: 'positions', first: 0, last: undefined })
  }

  get end(): LogEnd {
    const { height = 0, size = 0 } = this.#head?.header ?? {}
    return { height, size, pending: this.#pending }
  }

  async read(asker: LogQueries, head: CheckpointedHeader, advance: Advance): Promise<void> {
    const { isFollowing, stopping } = this.reading
    this.#head = head
    if (this.#range === undefined) {
      const { size } = head.header
      this.#range = { kind: 'positions', first: size, last: undefined }
      printLine(`shows new messages, from position ${size} on; Ctrl-C ends it`)
    }
    if (this.#range.kind === 'positions') this.#next = Math.max(this.#next, this.#range.first)
    this.hasBegun = true
    while (!stopping.aborted) {
      this.#leaveBranch(asker)
      await this.#readTo(asker, this.#head, this.#range)
      if (this.#isDone(this.#range)) return
      if (!isFollowing) return this.#endOf(asker, this.#range)
      await elapsed(LIMITS.followMs, stopping)
      if (!stopping.aborted) this.#head = await advance()
    }
  }

  async #readTo(asker: LogQueries, head: CheckpointedHeader, range: MessageRange): Promise<void> {
    const span = await this.#spanOf(asker, head, range)
    if (span === undefined || span.from > span.to) return
    const before = this.#shown.at(-1)?.place ?? (await asker.placeAt(span.from - 1))
    for await (const { block, place } of asker.blocksAfter(before, span.to)) {
      if (this.reading.stopping.aborted) return
      const { size, count } = block.signed.header
      this.#meant += await this.printer.block(block, range)
      this.#next = Math.max(this.#next, size)
      this.blocks += 1
      this.#shown.push({ place, first: size - count })
      if (this.#shown.length > asker.rules.ordering.maxReorg + 1) this.#shown.shift()
    }
  }

  /** The heights of the blocks that are to be read now; undefined where none is there yet. */
  async #spanOf(
    asker: LogQueries,
    { header: { height, size } }: CheckpointedHeader,
    range: MessageRange
  ): Promise<{ readonly from: number; readonly to: number } | undefined> {
    const after = this.#shown.at(-1)?.place.signed.header.height
    switch (range.kind) {
      case 'block':
        if (range.height > height || range.height === 0) return undefined
        return { from: range.height, to: range.height }
      case 'leaf': {
        const found = (await asker.inclusion({ leaf: range.leaf })).signed.header.height
        return { from: found, to: found }
      }
      case 'positions': {
        const { last = size } = range
        if (this.#next >= size && after === undefined) return undefined
        const to = last < size ? await heightOf(asker, last) : height
        if (after !== undefined) return { from: after + 1, to }
        return { from: await heightOf(asker, this.#next), to }
      }
    }
  }

  /** Takes back what was shown of a branch that the peer's chain has left. */
  #leaveBranch(asker: LogQueries): void {
    let left: ShownBlock | undefined
    const wasWhole = this.#shown.length > asker.rules.ordering.maxReorg
    for (let last = this.#shown.at(-1); last !== undefined; last = this.#shown.at(-1)) {
      if (asker.isOnChain(last.place.signed)) break
      left = last
      this.#shown.pop()
    }
    if (left === undefined) return
    if (this.#shown.length === 0 && wasWhole)
      throw new Failure(
        'ERR_CHAIN_MOVED',
        `the chain of this peer has left the one that was shown before block ${left.place.signed.header.height}, which is deeper than a reorg may go in this network; start the command again, and compare several peers with --connect`
      )
    const first = this.#range?.kind === 'positions' ? this.#range.first : 0
    this.#next = Math.max(first, left.first)
    this.printer.changed(this.#next, left.place.signed.header.height)
  }

  #isDone(range: MessageRange): boolean {
    if (range.kind === 'positions') return range.last !== undefined && this.#next > range.last
    return this.blocks > 0 || (range.kind === 'block' && range.height === 0)
  }

  /** Throws NotFound where one message or block was asked for that is not there. */
  async #endOf(asker: LogQueries, range: MessageRange): Promise<void> {
    const { size, height } = this.end
    this.#pending = await asker.claimedPending()
    const isOne = range.kind === 'block' || (range.kind === 'positions' && range.first === range.last)
    if (isOne && this.#meant === 0)
      throw new NotFound(
        `${describeRange(range)} is not there: the log has ${height} blocks with ${size} messages; messages waiting for a block, as the peer says: ${this.#pending}`
      )
  }
}

async function heightOf(asker: LogQueries, position: number): Promise<number> {
  return position === 0 ? 1 : (await asker.inclusion({ position })).signed.header.height
}
