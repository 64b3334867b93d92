import { refused } from '../api/handler.js'
import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import { LIMITS } from '../core/limits.js'
import { type Rate, RateLimiter } from '../core/rate-limiter.js'
import { type Bringer, Shares } from '../core/shares.js'
import {
  decodeSubmission,
  encodeSubmissionAnswer,
  type Submission,
  type SubmissionAnswer,
  type SubmissionResult
} from '../core/submission.js'
import { OpenWork } from '../lifecycle/open-work.js'
import type { Service } from '../lifecycle/service.js'
import { within } from '../lifecycle/waiting.js'
import type { Channel } from '../network/channel.js'
import type { Host } from '../network/host.js'
import { SUBMIT_PROTOCOL } from '../network/names.js'
import { SUBMIT_STREAMS } from '../network/stream-options.js'
import { NOT_VALIDATED, NotValidated } from '../validation/validation-pool.js'
import type { ValidationShares } from '../validation/validation-shares.js'

export interface SubmissionServerOptions {
  readonly network: Hash
  /** Judges messages that a peer has brought, one fate for each, in their order. Those accepted are on disk when it resolves. */
  readonly take: (
    envelopes: readonly EnvelopeBytes[],
    from: PeerIdBytes
  ) => Promise<readonly SubmissionResult[]>
  /** Of the pool in which they are validated. */
  readonly shares: ValidationShares
  /** A monotonic clock, ms. */
  readonly clock: () => number
  /** In place of the one in LIMITS. */
  readonly rate?: Rate | undefined
}

/**
 * Takes messages over /tallystick/submit/1: one submission a stream, and what became of each message once that is certain.
 * A peer pays for what it hands in by its size and by what it takes to look at it.
 */
export class SubmissionServer implements Service {
  readonly #open = new OpenWork()
  readonly #rates: RateLimiter
  /** Submissions that are being judged. */
  readonly #places = new Shares({ all: LIMITS.submissions, ofPeer: LIMITS.submissionsOfPeer })

  constructor(
    private readonly host: Host,
    private readonly options: SubmissionServerOptions
  ) {
    this.#rates = new RateLimiter(options.rate ?? LIMITS.submissionRate, LIMITS.rememberedRates)
  }

  async start(): Promise<void> {
    await this.host.serve(SUBMIT_PROTOCOL, SUBMIT_STREAMS, (channel, peer, from) =>
      this.#open.during(this.#serve(channel, peer, from))
    )
  }

  /** Takes nothing more; what is being judged is answered. */
  async stop(): Promise<void> {
    await this.host.unserve(SUBMIT_PROTOCOL)
    await this.#open.ended()
  }

  async #serve(channel: Channel, peer: PeerIdBytes, from: Bringer): Promise<void> {
    const whole = AbortSignal.timeout(LIMITS.queryMs)
    const deadline = (): AbortSignal => within(LIMITS.frameMs, whole)
    const frame = await channel.receive(deadline())
    if (frame === undefined) return channel.close(deadline())
    const answer = await this.#answer(frame, peer, from)
    await channel.send(encodeSubmissionAnswer(answer), deadline())
    await channel.close(deadline())
  }

  async #answer(frame: Uint8Array, peer: PeerIdBytes, from: Bringer): Promise<SubmissionAnswer> {
    const { clock, shares } = this.options
    if (!this.#rates.take(from.peer, clock())) return RATE_LIMITED
    const read = this.#read(frame)
    if ('kind' in read) return read
    const weight = shares.weightOf(read.envelopes)
    // Its own token pays for the first messages, and bytes.
    this.#rates.charge(from.peer, clock(), Math.max(0, costOf(weight, frame.length) - 1))
    if (this.#places.take(from, 1) !== 'taken') return BUSY
    try {
      if (shares.take(from, weight) !== 'taken') return BUSY
      try {
        return await this.#judge(read, peer)
      } finally {
        shares.release(from, weight)
      }
    } finally {
      this.#places.release(from, 1)
    }
  }

  async #judge({ envelopes }: Submission, peer: PeerIdBytes): Promise<SubmissionAnswer> {
    try {
      const fates = await this.options.take(envelopes, peer)
      return { kind: 'fates', fates: fates.map(shortened) }
    } catch (error) {
      if (error instanceof NotValidated) return { kind: 'refused', ...NOT_VALIDATED }
      throw error
    }
  }

  #read(frame: Uint8Array): Submission | Extract<SubmissionAnswer, { kind: 'refused' }> {
    const ours = this.options.network
    try {
      // A copy of its own: messages that wait must not hold the whole read buffer they came in.
      const submission = decodeSubmission(frame.slice())
      return equal(submission.network, ours)
        ? submission
        : refused('wrong network', `this peer serves network ${toHex(ours)}`)
    } catch (error) {
      if (error instanceof DecodeError) return refused('bad encoding', error.message)
      throw error
    }
  }
}

function shortened(fate: SubmissionResult): SubmissionResult {
  return fate.kind === 'refused' ? { ...fate, detail: fate.detail.slice(0, 500) } : fate
}

const RATE_LIMITED = refused('rate limited', 'you submit more than one peer may; submit again later')

const BUSY = refused('busy', 'too many submissions are being judged; submit again later')

/** In tokens: `submissionCost` says how that was measured. */
function costOf(weight: number, bytes: number): number {
  const { weightInToken, bytesInToken } = LIMITS.submissionCost
  return weight / weightInToken + bytes / bytesInToken
}
