import { LIMITS } from '../core/limits.js'
import type { Query } from '../core/query.js'
import type { StreamOptions } from '../network/host.js'

/** Both sides of the query protocol. A page of a range may lie unread, and a block beyond it. */
export const QUERY_STREAMS: StreamOptions = {
  streams: LIMITS.queryStreams,
  frameBytes: LIMITS.answerBytes,
  unreadBytes: LIMITS.answerBytes + LIMITS.rangeBytes,
  unsentBytes: LIMITS.answerBytes + LIMITS.rangeBytes
}

/** Whether it is said now and then that the answer is being worked on. */
export function takesLong({ kind }: Query): boolean {
  return kind === 'mine' || kind === 'offer'
}

/** How long a query may take in all, ms. */
export function timeFor(query: Query): number {
  return takesLong(query) ? LIMITS.longQueryMs : LIMITS.queryMs
}
