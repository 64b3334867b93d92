import { type CodedOptions, type ErrorCode, hasCode, TallystickError } from '../core/errors.js'
import { describeFault, type Fault } from '../core/fault.js'

/** The answer to a query is no. */
export class NotFound extends TallystickError {
  override name = 'NotFound'

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_NOT_FOUND', message, options)
  }
}

/** The answer does not hold: the peer is wrong, or lies. */
export class InvalidAnswer extends TallystickError {
  override name = 'InvalidAnswer'

  constructor(
    message: string,
    /** Of the block that was shown, where it is one. */
    readonly fault?: Fault,
    code: ErrorCode = 'ERR_INVALID_ANSWER'
  ) {
    super(code, message)
  }

  static fault(fault: Fault): InvalidAnswer {
    return new InvalidAnswer(`the answer is not true: ${describeFault(fault)}`, fault)
  }
}

/** The log that a peer shows is not the one that was seen before. */
export class Contradiction extends InvalidAnswer {
  override name = 'Contradiction'

  constructor(
    message: string,
    /** What proves the sequencer's lie, where the peer has shown enough of it. To be checked before it is used. */
    readonly evidence: Uint8Array | undefined
  ) {
    super(message, undefined, 'ERR_CONTRADICTION')
  }
}

/** There is no answer: the peer ends the stream or is too slow. */
export class QueryFailed extends TallystickError {
  override name = 'QueryFailed'

  constructor(message: string, { code = 'ERR_NO_ANSWER', ...options }: CodedOptions = {}) {
    super(code, message, options)
  }
}

/** What headers tell of one of them. Throws QueryFailed where the state of its chain decides, which is not known here. */
export function decided(fault: Fault | 'needs state' | undefined, height: number): Fault | undefined {
  if (fault === 'needs state') throw needsState(height)
  return fault
}

export function needsState(height: number): QueryFailed {
  return new QueryFailed(
    `whether block ${height} is valid depends on the state before it, which only a peer that has followed the chain knows; ask a full node of your own`
  )
}

/** It would take too long to verify: no lie, but of no use. */
export class ChainTooLong extends TallystickError {
  override name = 'ChainTooLong'

  constructor(headers: number) {
    super(
      'ERR_CHAIN_TOO_LONG',
      `the peer has had ${headers} headers verified, and no more are: the chain is too long to be verified from the genesis on for one question, or the peer makes it up; ask another peer, or run one of your own, stop it, and read its folder with --from`
    )
  }
}

/** The peer does not answer the query, and says why: one of the reasons of a refusal, or one not known here. */
export class QueryRefused extends QueryFailed {
  override name = 'QueryRefused'

  constructor(
    readonly reason: string,
    detail: string
  ) {
    super(`the peer refuses the query: ${reason}: ${detail}`, { code: 'ERR_QUERY_REFUSED' })
  }
}

/** Whether what a peer has shown does not hold: the answer is false, or is no answer at all. */
export function isFalseAnswer(error: unknown): error is TallystickError {
  return hasCode(error, ...FALSE)
}

const FALSE: readonly ErrorCode[] = [
  'ERR_INVALID_ANSWER',
  'ERR_CONTRADICTION',
  'ERR_OLD_CERTIFICATE',
  'ERR_DECODE',
  'ERR_JSON_INEXACT',
  'ERR_JSON_TOO_LARGE'
]
