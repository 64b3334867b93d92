import type { Answer } from '../core/answer.js'
import type { PeerIdBytes } from '../core/bytes.js'
import type { Query } from '../core/query.js'
import type { Bringer } from '../core/shares.js'

/** The asking peer: by the PeerId that was proved to Noise, and as shares count it. */
export interface Asking {
  readonly peer: PeerIdBytes
  readonly from: Bringer
}

/** Knows the answers to some kinds of queries. */
export interface Handler {
  /** Undefined where queries of this kind are not its own. `signal` fires when nobody waits for the answer any more. */
  reply(query: Query, asking: Asking, signal: AbortSignal): Reply | undefined
}

export interface Reply {
  readonly answers: AsyncIterable<Answer> | Iterable<Answer>
  /** They are long in coming, and none waits for the next one. */
  readonly isSlow?: boolean
  /** Called once who asked has taken the answers, or does not in time. */
  readonly afterwards?: () => void
}

/** A reply of one answer. */
export function replyWith(answer: Answer | Promise<Answer>): Reply {
  async function* only(): AsyncIterable<Answer> {
    yield await answer
  }
  return { answers: only() }
}

export function notFound(detail: string): Extract<Answer, { kind: 'notFound' }> {
  return { kind: 'notFound', detail }
}

export function refused(reason: QueryReason, detail: string): Extract<Answer, { kind: 'refused' }> {
  return { kind: 'refused', reason, detail }
}

/** Why a query is not answered. The same words on the wire and in the docs. */
export type QueryReason =
  | 'bad encoding'
  | 'wrong network'
  | 'busy'
  | 'rate limited'
  | 'not served'
  | 'not the owner'
