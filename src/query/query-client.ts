import { setTimeout } from 'node:timers/promises'
import { type Answer, answerKind, decodeAnswer } from '../core/answer.js'
import type { Hash, PeerIdBytes } from '../core/bytes.js'
import { describeError } from '../core/events.js'
import { LIMITS } from '../core/limits.js'
import { encodeQuery, type Query } from '../core/query.js'
import { isPassing } from '../core/refusal.js'
import { within } from '../lifecycle/waiting.js'
import type { Channel } from '../network/channel.js'
import type { Host } from '../network/host.js'
import { QUERY_PROTOCOL } from '../network/names.js'
import { type ExpectedAnswers, expectedAnswers } from './expected-answers.js'
import { InvalidAnswer, NotFound, QueryFailed, QueryRefused } from './query-errors.js'
import { streamFor, timeFor } from './query-protocol.js'

/**
 * Puts queries to one peer: one a stream, each answer in its time, once more where the peer is busy. Only what may
 * answer the query is read: no other kind, no longer frame, no more frames. What the answers are worth, the caller
 * finds out. Throws NotFound where the answer is no, QueryFailed where there is none, Untrue or DecodeError where it
 * is no answer to the query.
 */
export class QueryClient {
  constructor(
    private readonly host: Host,
    readonly peer: PeerIdBytes,
    private readonly network: Hash
  ) {}

  /** The only answer. */
  async one(query: Query): Promise<Answer> {
    for await (const answer of this.all(query)) {
      if (answer.kind === 'notFound') throw new NotFound(answer.detail)
      return answer
    }
    throw new QueryFailed('the peer ended the stream without an answer')
  }

  /** A refusal that time mends is not the last word. It comes before any answer. */
  async *all(query: Query): AsyncIterable<Answer> {
    for (const wait of LIMITS.askAgainMs)
      try {
        return yield* this.#once(query)
      } catch (error) {
        if (!(error instanceof QueryRefused && isPassing(error.reason))) throw error
        await setTimeout(wait)
      }
    yield* this.#once(query)
  }

  async *#once(query: Query): AsyncIterable<Answer> {
    // Frame by frame in time, a peer could still go on for ever.
    const whole = AbortSignal.timeout(timeFor(query))
    const deadline = (): AbortSignal => within(LIMITS.frameMs, whole)
    const expected = expectedAnswers(query)
    const channel: Channel = await this.host
      .open(this.peer, QUERY_PROTOCOL, streamFor(expected), deadline())
      .catch(asQueryFailed)
    try {
      await channel.send(encodeQuery(this.network, query), deadline()).catch(asQueryFailed)
      for (let frames = 1; ; frames += 1) {
        const frame = await channel.receive(deadline()).catch(asQueryFailed)
        if (frame === undefined) return
        const answer = read(channel, frame, query.kind, expected, frames)
        if (answer.kind === 'refused') throw new QueryRefused(answer.reason, answer.detail)
        if (answer.kind !== 'working') yield answer
      }
    } finally {
      await channel.finish(deadline())
    }
  }
}

/** Decodes nothing but what may answer the query; anything else ends the stream. */
function read(
  channel: Channel,
  frame: Uint8Array,
  query: Query['kind'],
  { kinds, frames: most }: ExpectedAnswers,
  frames: number
): Answer {
  try {
    if (frames > most)
      throw new InvalidAnswer(`the peer gives more than ${most} answers to a query for ${query}`)
    const kind = answerKind(frame)
    if (kind !== undefined && !kinds.has(kind))
      throw new InvalidAnswer(`the peer answered with a ${kind}, which was not asked`)
    return decodeAnswer(frame)
  } catch (error) {
    throw channel.abort(error)
  }
}

/** For an answer of another kind than those that fit the query. */
export function unexpected(answer: Answer): never {
  if (answer.kind === 'notFound') throw new NotFound(answer.detail)
  throw new InvalidAnswer(`the peer answered with a ${answer.kind}, which was not asked`)
}

function asQueryFailed(error: unknown): never {
  throw new QueryFailed(`the peer did not answer: ${describeError(error)}`, { cause: error })
}
