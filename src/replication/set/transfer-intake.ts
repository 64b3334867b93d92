import type { Candidate } from '../../chain/candidate.js'
import { encodeBundle } from '../../core/bundle.js'
import { type EnvelopeBytes, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { describeError, type Report } from '../../core/events.js'
import { LIMITS } from '../../core/limits.js'
import { type Rate, RateLimiter } from '../../core/rate-limiter.js'
import { refusal } from '../../core/refusal.js'
import type { SubmissionResult } from '../../core/submission.js'
import type { Verdict } from '../../core/validation.js'
import type { Service } from '../../lifecycle/service.js'
import type { GossipVerdict, Host } from '../../network/host.js'
import { checkMessages } from '../../validation/message-checks.js'
import type { ValidationPool } from '../../validation/validation-pool.js'
import type { Stored, TransferStore } from './transfer-store.js'

export interface TransferIntakeOptions {
  readonly host: Host
  readonly topic: string
  readonly store: TransferStore
  readonly validation: ValidationPool
  readonly report: Report
  /** A monotonic clock, ms. */
  readonly clock: () => number
  /** In place of those in LIMITS. */
  readonly rates?: { readonly author?: Rate; readonly transfersOfPeer?: Rate } | undefined
}

/**
 * The way of transfers into a set: from gossip, or handed over by a client, which are published then. What comes faster
 * than its author or its bringer may waits where it is; it counts all the same once it is fetched, or handed in again.
 */
export class TransferIntake implements Service {
  readonly #authors: RateLimiter
  readonly #peers: RateLimiter

  constructor(private readonly options: TransferIntakeOptions) {
    const { rates } = options
    this.#authors = new RateLimiter(rates?.author ?? LIMITS.transferRate, LIMITS.rememberedRates)
    this.#peers = new RateLimiter(rates?.transfersOfPeer ?? LIMITS.transferRateOfPeer, LIMITS.rememberedRates)
  }

  async start(): Promise<void> {}

  /** Resolves when all that was taken is on disk. */
  async stop(): Promise<void> {
    // Whoever is to know of a failure has heard of it.
    await this.options.store.stored().catch(() => undefined)
  }

  /** A valid transfer from gossip. What is known is not passed on again. */
  readonly take = (message: Candidate, from: PeerIdBytes): GossipVerdict => {
    switch (this.#add(message, from).kind) {
      case 'accepted':
        return 'accept'
      case 'known':
        return 'ignore'
      case 'full':
      case 'limited':
        return 'later'
    }
  }

  /** One outcome for each. Those that are accepted, or known, are on disk when this resolves. */
  readonly submit = async (
    envelopes: readonly EnvelopeBytes[],
    from: PeerIdBytes
  ): Promise<readonly SubmissionResult[]> => {
    const { store, validation } = this.options
    const verdicts = await checkMessages(envelopes, validation)
    const fates = envelopes.map((envelope, index) => this.#submitOne(envelope, verdicts[index], from))
    await store.stored()
    await this.#publish(envelopes.filter((_, index) => fates[index]?.kind === 'accepted'))
    return fates
  }

  #submitOne(envelope: EnvelopeBytes, verdict: Verdict | undefined, from: PeerIdBytes): SubmissionResult {
    if (verdict === undefined) throw new RangeError('each transfer has a verdict')
    return verdict.ok ? fateOf(this.#add({ envelope }, from)) : { kind: 'refused', ...verdict.refusal }
  }

  /**
   * An author past the own rate takes nothing of the share of the peer that passes the transfers on; nor does a peer past
   * its share take anything of the authors'.
   */
  #add(transfer: Pick<Candidate, 'envelope'>, from: PeerIdBytes): Stored {
    const now = this.options.clock()
    const bringer = toHex(from)
    return this.options.store.add(
      transfer,
      author =>
        this.#peers.hasOne(bringer, now) &&
        this.#authors.take(toHex(author), now) &&
        this.#peers.take(bringer, now)
    )
  }

  /** What gossip loses, others fetch. */
  async #publish(envelopes: readonly EnvelopeBytes[]): Promise<void> {
    const { host, topic, report } = this.options
    if (envelopes.length === 0) return
    await host.publish(topic, encodeBundle(envelopes)).catch((error: unknown) => {
      report({ event: 'warning', message: `transfers were not published: ${describeError(error)}` })
    })
  }
}

function fateOf({ kind }: Stored): SubmissionResult {
  switch (kind) {
    case 'full':
      return {
        kind: 'refused',
        ...refusal('busy', 'too many transfers are on their way to disk; send again later')
      }
    case 'limited':
      return {
        kind: 'refused',
        ...refusal(
          'rate limited',
          'more new transfers than one author, or one peer, may bring; send again later'
        )
      }
    default:
      return { kind }
  }
}
