import { LIMITS } from '../core/limits.js'
import type { StreamOptions } from './host.js'

/** Of the two protocols whose both sides use the same limits. */
export const RECEIPT_STREAMS: StreamOptions = {
  streams: LIMITS.receiptStreams,
  frameBytes: LIMITS.noticeBytes,
  unreadBytes: LIMITS.noticeQueueBytes,
  unsentBytes: LIMITS.noticeQueueBytes
}

export const SUBMIT_STREAMS: StreamOptions = {
  streams: LIMITS.submitStreams,
  frameBytes: LIMITS.submissionBytes,
  unreadBytes: LIMITS.submissionBytes + 4,
  unsentBytes: LIMITS.submissionBytes + 4
}
