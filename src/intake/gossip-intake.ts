import { randomBytes } from 'node:crypto'
import type { Candidate } from '../chain/candidate.js'
import { decodeBundle, encodeBundle } from '../core/bundle.js'
import type { EnvelopeBytes, Hash, PeerIdBytes } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import { decodeEnvelope } from '../core/envelope.js'
import { describeError } from '../core/events.js'
import { LIMITS } from '../core/limits.js'
import { leafHash } from '../core/merkle.js'
import { decodeMessage, type Message } from '../core/message.js'
import { RateLimiter } from '../core/rate-limiter.js'
import {
  encodeRefusal,
  isMalicious,
  isPassing,
  type Refusal,
  refusal,
  type ToldRefusal
} from '../core/refusal.js'
import { sealDetail } from '../core/sealed-detail.js'
import type { Bringer } from '../core/shares.js'
import type { PrivateDetail, Verdict } from '../core/validation.js'
import { FairQueue } from '../lifecycle/fair-queue.js'
import type { Service } from '../lifecycle/service.js'
import type { GossipVerdict, Host } from '../network/host.js'
import { NOT_VALIDATED, NotValidated, type ValidationPool } from '../validation/validation-pool.js'
import { ValidationShares } from '../validation/validation-shares.js'
import type { ReceiptServer, SealedRefusal } from './receipt-server.js'

/** Who is told what became of messages that were not taken. */
export type IntakeAudience = Pick<ReceiptServer, 'turnedAway' | 'refused' | 'tellsAll'>

/** Where nobody waits for receipts. */
export const NO_AUDIENCE: IntakeAudience = {
  turnedAway: () => undefined,
  refused: () => undefined,
  tellsAll: () => false
}

/**
 * A message's way in: gossip, validation, then `take`, in the order of arrival. Whoever sent what is not
 * valid is told why: the author where the signature proves one, else the peer that handed it over.
 */
export class GossipIntake implements Service {
  readonly #busy = new Set<Promise<unknown>>()
  /** Of messages that were taken before, by the host that brings them. */
  readonly #again = new RateLimiter(LIMITS.takenBeforeRate, LIMITS.rememberedRates)
  /** Where a host is past that rate. */
  readonly #turns = new FairQueue({ own: 0, others: LIMITS.takenBeforeBundles })
  #isOpen = false

  constructor(
    private readonly host: Host,
    private readonly topic: string,
    private readonly pool: ValidationPool,
    private readonly receipts: IntakeAudience,
    /** `from`: who handed it over. */
    private readonly take: (message: Candidate, from: PeerIdBytes) => GossipVerdict,
    /** True where this very message was taken before, and its author is told so. */
    private readonly recall: (message: Omit<Candidate, 'envelope'>) => boolean = () => false,
    /** Of the validation pool: those who take messages in another way, too, have the same. */
    private readonly shares = new ValidationShares(),
    /** Of a bundle that is accepted in part, passes that part on; where it is left out, the whole is passed on. */
    private readonly passOn?: (accepted: readonly EnvelopeBytes[]) => Promise<void>
  ) {}

  async start(): Promise<void> {
    this.#isOpen = true
    this.host.subscribe(this.topic, (from, data) => {
      if (!this.#isOpen) return 'ignore'
      const verdict = this.#judge(from, data)
      this.#busy.add(verdict)
      const done = (): boolean => this.#busy.delete(verdict)
      verdict.then(done, done)
      return verdict
    })
  }

  /** Takes nothing more; what is on its way is judged and taken. */
  async stop(): Promise<void> {
    this.#isOpen = false
    this.host.unsubscribe(this.topic)
    await Promise.allSettled(this.#busy)
  }

  async #judge(from: PeerIdBytes, data: Uint8Array): Promise<GossipVerdict> {
    // A copy of its own: pending messages must not hold the whole read buffer they came in.
    const bundle = data.length > LIMITS.bundleBytes ? data : data.slice()
    let carried: EnvelopeBytes[]
    try {
      carried = decodeBundle(bundle)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const why = refusal('bad encoding', describeError(error))
      this.receipts.turnedAway(from, [{ leaf: leafHash(bundle) }], why)
      return 'reject'
    }
    const bringer = this.host.bringerOf(from)
    const isInRate = this.#again.hasOne(bringer.host, performance.now())
    const envelopes = isInRate
      ? this.#newOnes(bringer, carried)
      : await this.#turns.of(bringer, async () => this.#newOnes(bringer, carried))
    if (envelopes === undefined) return this.#turnAway(from, carried, REPLAYED)
    if (envelopes.length === 0) return 'ignore'
    const weight = this.shares.weightOf(envelopes)
    // Blocks are looked at in the same pool.
    const isFull = this.pool.queued + envelopes.length > LIMITS.validationQueue
    const taken = isFull ? 'full' : this.shares.take(bringer, weight)
    if (taken !== 'taken') return this.#turnAway(from, envelopes, taken === 'share' ? LIMITED : BUSY)
    let verdicts: readonly Verdict[]
    try {
      const rest = envelopes.length === carried.length ? bundle : encodeBundle(envelopes)
      verdicts = await this.pool.validate(rest, envelopes.length)
    } catch (error) {
      if (error instanceof NotValidated) return this.#turnAway(from, envelopes, NOT_VALIDATED)
      throw error
    } finally {
      this.shares.release(bringer, weight)
    }
    const settled = verdicts.map((verdict, index) => this.#settle(from, envelopes[index], verdict))
    const whole = verdictOfAll(settled)
    if (whole !== 'partly' || this.passOn === undefined) return whole
    await this.passOn(envelopes.filter((_, index) => settled[index] === 'accept'))
    return 'later'
  }

  /**
   * Without those that were taken before. To find these takes time; but who passes on what others replay brings new
   * messages, too: past the rate a host waits for its turns.
   */
  #newOnes({ host }: Bringer, carried: readonly EnvelopeBytes[]): EnvelopeBytes[] {
    const envelopes = carried.filter(envelope => !this.#isTakenBefore(envelope))
    this.#again.charge(host, performance.now(), carried.length - envelopes.length)
    return envelopes
  }

  /** Unread, so that nothing shows yet who wrote it: a follower knows whom it has it from. */
  #turnAway(from: PeerIdBytes, envelopes: readonly EnvelopeBytes[], why: Refusal): GossipVerdict {
    const isFollower = this.receipts.tellsAll(from)
    const messages = envelopes.map(envelope => ({
      leaf: leafHash(envelope),
      named: isFollower ? messageIn(envelope)?.author : undefined
    }))
    this.receipts.turnedAway(from, messages, why)
    return 'later'
  }

  /** Runs for one message after the other, in the order of arrival. */
  #settle(from: PeerIdBytes, envelope: EnvelopeBytes | undefined, verdict: Verdict): GossipVerdict {
    if (!verdict.ok) {
      const { author, leaf, refusal, inside } = verdict
      if (author === undefined) this.receipts.turnedAway(from, [{ leaf }], refusal)
      else if (inside === undefined) this.receipts.refused(author, leaf, refusal)
      else this.receipts.refused(author, leaf, ...privately(leaf, refusal, inside))
      if (isMalicious(refusal.reason)) return 'reject'
      return isPassing(refusal.reason) ? 'later' : 'ignore'
    }
    if (envelope === undefined) throw new Error('more verdicts than messages')
    const { leaf, author, sequence } = verdict
    this.shares.knows(envelope)
    return this.take({ envelope, leaf, author, sequence }, from)
  }

  /**
   * What is in the log stays there, whatever has changed since: the grace of its key is over, its author has begun too
   * many sessions, or a rule is stricter now. Refused, it would be given up, or sealed again under a new sequence and
   * stand in the log twice. Nor is it judged again: who replays an author's messages would use up the sessions that the
   * author may begin. The leaf covers all of the envelope, whose signature was verified when it was taken.
   */
  #isTakenBefore(envelope: EnvelopeBytes): boolean {
    const message = messageIn(envelope)
    if (message === undefined) return false
    const { author, sequence } = message
    return this.recall({ author, sequence, leaf: leafHash(envelope) })
  }
}

/** What followers are told of a refused body that was sealed, and what its author is told himself. */
function privately(
  leaf: Hash,
  { reason, detail }: Refusal,
  inside: PrivateDetail
): [SealedRefusal, ToldRefusal] {
  const own = encodeRefusal({ reason, detail: inside.detail })
  return [{ reason, detail, sealedDetail: sealDetail(inside.secret, { leaf, ...own }, randomBytes(12)) }, own]
}

/** What becomes of a bundle. */
function verdictOfAll(verdicts: readonly GossipVerdict[]): GossipVerdict {
  const has = (verdict: GossipVerdict): boolean => verdicts.includes(verdict)
  if (has('reject')) return 'reject'
  if (has('accept')) return has('later') ? 'partly' : 'accept'
  return has('later') ? 'later' : 'ignore'
}

/** Undefined where it holds none. Nothing has been verified. */
function messageIn(envelope: EnvelopeBytes): Message | undefined {
  try {
    return decodeMessage(decodeEnvelope(envelope).payload)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

const REPLAYED = refusal(
  'rate limited',
  'you bring too many messages that were taken before; send again later'
)

const LIMITED = refusal('rate limited', 'too many of your messages wait for validation; send again later')

const BUSY = refusal('busy', 'too many messages wait for validation; send again later')
