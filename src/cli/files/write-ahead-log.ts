import {
  BLOCK,
  blockEndAfter,
  claimedEnd,
  endByChecksum,
  endOfFragment,
  FIRST,
  fragmentPlace,
  HEADER,
  hasHeader,
  LAST,
  typeAt,
  WHOLE
} from './log-format.js'

/**
 * LevelDB's write-ahead logs, looked at before LevelDB opens them. LevelDB drops what it finds damaged there without
 * a word, together with all that was written after it. At the end of a log that is right: a crash has torn the last
 * write, which was not acknowledged. In the middle it would forget messages that have receipts.
 *
 * So the question is whether a write stands behind the damage. The damaged write itself may hold bytes that a stranger
 * has chosen, and these may look like a write. Hence a write counts only at a place where LevelDB would have put it:
 * at the end of the damaged fragment, as its length or its checksum says, or at the beginning of a later block. Where
 * the header of the fragment is lost, a write may stand anywhere in the block: there it counts only if whole writes
 * follow one another from it to the end of the log. And each write carries LevelDB's running number, which must fit.
 */

/** Where the first damage begins that is not the torn end of the log; undefined where there is none. */
export function damageIn(log: Buffer): number | undefined {
  let written: Numbered | undefined
  for (let at = 0; at < log.length; ) {
    const end = endOfFragment(log, at)
    if (end === undefined) return new Damage(log, at, written).hasWriteBehind() ? at : undefined
    written = numberOfWrite(log, at, end) ?? written
    at = fragmentPlace(end)
  }
  return undefined
}

/** The running numbers that LevelDB gives to the operations of a write. */
interface Numbered {
  readonly first: bigint
  readonly count: bigint
}

/** Of the beginning of a write: its first number (8), and how many it has (4). */
const BATCH_HEADER = 12

function numberOfWrite(log: Buffer, at: number, end: number): Numbered | undefined {
  if (!isBeginning(log, at) || end - at < HEADER + BATCH_HEADER) return undefined
  return {
    first: log.readBigUInt64LE(at + HEADER),
    count: BigInt(log.readUInt32LE(at + HEADER + 8))
  }
}

function isBeginning(log: Buffer, at: number): boolean {
  const type = typeAt(log, at)
  return type === WHOLE || type === FIRST
}

function isEnding(log: Buffer, at: number): boolean {
  const type = typeAt(log, at)
  return type === WHOLE || type === LAST
}

class Damage {
  constructor(
    private readonly log: Buffer,
    private readonly at: number,
    /** The last write before it. */
    private readonly before: Numbered | undefined
  ) {}

  hasWriteBehind(): boolean {
    const { log, at } = this
    const ends = [claimedEnd(log, at), endByChecksum(log, at)]
    for (const end of ends) if (end !== undefined && this.#writeFrom(fragmentPlace(end))) return true
    for (let block = at - (at % BLOCK) + BLOCK; block < log.length; block += BLOCK)
      if (this.#writeFrom(block)) return true
    return !hasHeader(log, at) && this.#writeAnywhere(at)
  }

  /** Whether a write begins among the sound fragments that follow one another from there on, or behind a lost header. */
  #writeFrom(start: number): boolean {
    const { log } = this
    for (let place = start; ; ) {
      const end = endOfFragment(log, place)
      if (end === undefined) return !hasHeader(log, place) && this.#writeAnywhere(place)
      if (this.#isWrite(place, end)) return true
      place = fragmentPlace(end)
    }
  }

  /** Whether a write begins anywhere in the rest of a block, from which on all of the log is sound. */
  #writeAnywhere(from: number): boolean {
    const { log } = this
    const blockEnd = blockEndAfter(log, from)
    for (let place = from + 1; place + HEADER <= blockEnd; place += 1) {
      const end = endOfFragment(log, place)
      if (end !== undefined && this.#isWrite(place, end) && this.#isSoundFrom(place)) return true
    }
    return false
  }

  /** Whether whole writes follow one another from there to the end of the log. */
  #isSoundFrom(start: number): boolean {
    const { log } = this
    let isWhole = true
    for (let place = start; place < log.length; ) {
      const end = endOfFragment(log, place)
      // What goes on with a write follows its beginning, and nothing else does.
      if (end === undefined || isBeginning(log, place) !== isWhole) return false
      isWhole = isEnding(log, place)
      place = fragmentPlace(end)
    }
    return isWhole
  }

  #isWrite(place: number, end: number): boolean {
    const { log, before } = this
    if (!isBeginning(log, place)) return false
    const numbered = numberOfWrite(log, place, end)
    // At the end of a block there may be no room for the number; the rest is in the next block.
    if (numbered === undefined) return typeAt(log, place) === FIRST && end % BLOCK === 0
    if (numbered.count === 0n || before === undefined) return numbered.count > 0n
    const next = before.first + before.count
    // Each operation takes more than one byte.
    return numbered.first >= next && numbered.first <= next + BigInt(place - this.at)
  }
}
