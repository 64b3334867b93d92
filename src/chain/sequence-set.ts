import type { PeerIdBytes } from '../core/bytes.js'

/** The first and the last of sequences that follow one another. */
interface Interval {
  first: bigint
  last: bigint
}

/**
 * Which sequences each author has used. Kept as intervals, so that it stays small however many messages there
 * are, as long as authors count up.
 */
export class SequenceSet {
  readonly #byAuthor = new Map<string, Interval[]>()

  /** False where it is there already. */
  add(author: PeerIdBytes, sequence: bigint): boolean {
    const name = Buffer.from(author.buffer, author.byteOffset, author.byteLength).toString('latin1')
    const intervals = this.#byAuthor.get(name)
    if (intervals === undefined) {
      this.#byAuthor.set(name, [{ first: sequence, last: sequence }])
      return true
    }
    return insert(intervals, sequence)
  }
}

/** The intervals are in order, and neither touch nor overlap. */
function insert(intervals: Interval[], sequence: bigint): boolean {
  const index = firstAfter(intervals, sequence)
  const before = intervals[index - 1]
  const after = intervals[index]
  if (before !== undefined && sequence <= before.last) return false
  const joinsBefore = before !== undefined && before.last + 1n === sequence
  const joinsAfter = after !== undefined && sequence + 1n === after.first
  if (joinsBefore && joinsAfter) {
    before.last = after.last
    intervals.splice(index, 1)
  } else if (joinsBefore) before.last = sequence
  else if (joinsAfter) after.first = sequence
  else intervals.splice(index, 0, { first: sequence, last: sequence })
  return true
}

/** Index of the first interval that begins after `sequence`. */
function firstAfter(intervals: readonly Interval[], sequence: bigint): number {
  let low = 0
  let high = intervals.length
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const interval = intervals[middle]
    if (interval !== undefined && interval.first <= sequence) low = middle + 1
    else high = middle
  }
  return low
}
