import { LIMITS } from '../core/limits.js'
import type { Query } from '../core/query.js'
import type { StreamOptions } from '../network/host.js'
import type { ExpectedAnswers } from './expected-answers.js'

/** The side that answers. A page of a range may wait to be read, and a block beyond it. */
export const QUERY_STREAMS: StreamOptions = {
  streams: LIMITS.queryStreams,
  frameBytes: LIMITS.answerBytes,
  unreadBytes: LIMITS.answerBytes + LIMITS.rangeBytes,
  unsentBytes: LIMITS.answerBytes + LIMITS.rangeBytes
}

/** The side that asks: no frame is longer than what may answer the query, and no more lies unread than a page. */
export function streamFor({ frameBytes, frames }: ExpectedAnswers): StreamOptions {
  const unreadBytes = frameBytes + PREFIX + (frames > 1 ? LIMITS.rangeBytes : 0)
  return { ...QUERY_STREAMS, frameBytes, unreadBytes, unsentBytes: 2 * LIMITS.queryBytes }
}

/** Bytes of the length before a frame. */
const PREFIX = 4

/** Whether it is said now and then that the answer is being worked on. */
function takesLong({ kind }: Query): boolean {
  return kind === 'mine' || kind === 'offer'
}

/** How long a query may take in all, ms. */
export function timeFor(query: Query): number {
  return takesLong(query) ? LIMITS.longQueryMs : LIMITS.queryMs
}
