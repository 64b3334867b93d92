import {
  isCount,
  isText,
  listOf,
  orMissing,
  orNull,
  readerOf,
  type Tagged
} from '#src/cli/terminal/shapes.js'

/**
 * What is said on the control socket: one line with a request, then lines with what there is to say (events), then
 * one line with the outcome, and the end. All of it JSON.
 */

const REQUESTS = {
  status: {},
  /** Any node that mines where `node` is null. */
  mine: { node: orNull(isCount), count: isCount },
  start: { node: isCount },
  /** All, and the manager, where `node` is null. */
  stop: { node: orNull(isCount) },
  kill: { node: isCount },
  partition: { groups: listOf(listOf(isCount)) },
  heal: {}
} as const

const OUTCOMES = {
  done: {},
  /** `code` is the exit code that it means, and `error` the code of the error. */
  refused: { message: isText, code: isCount, error: orMissing(isText) }
} as const

export type Request = Tagged<'request', typeof REQUESTS>
export type Outcome = Tagged<'outcome', typeof OUTCOMES>

export const readRequest = readerOf('request', REQUESTS)
export const readOutcome = readerOf('outcome', OUTCOMES)
