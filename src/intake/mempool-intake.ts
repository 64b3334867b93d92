import type { Candidate } from '../chain/candidate.js'
import type { Chain } from '../chain/chain.js'
import type { Mempool, Passing, Pooled } from '../chain/mempool.js'
import type { EnvelopeBytes } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Reason } from '../core/refusal.js'
import type { Bringer } from '../core/shares.js'
import type { SubmissionResult } from '../core/submission.js'
import type { Verdict } from '../core/validation.js'
import type { Service } from '../lifecycle/service.js'
import type { GossipVerdict } from '../network/host.js'
import { checkMessages } from '../validation/message-checks.js'
import type { ValidationPool } from '../validation/validation-pool.js'
import { MempoolRoom } from './mempool-room.js'
import { OwnPending } from './own-pending.js'

/** The way of messages into the pool of a peer among equals: from gossip, or handed over by a client. */
export class MempoolIntake implements Service {
  readonly #own: OwnPending
  readonly #room: MempoolRoom

  constructor(
    private readonly pool: Mempool,
    chain: Chain,
    private readonly validation: ValidationPool,
    /** Hears of messages that have come. */
    private readonly arrived: () => void
  ) {
    this.#own = new OwnPending(chain, pool)
    this.#room = new MempoolRoom(chain, pool, this.#own)
  }

  async start(): Promise<void> {}

  /** Resolves when all that was taken is on disk. */
  async stop(): Promise<void> {
    // Whoever is to know of a failure has heard of it.
    await this.pool.stored().catch(() => undefined)
  }

  /**
   * A valid message from gossip, and who handed it over. One that is not valid yet where the chain stands here may be so elsewhere: a few of
   * them are taken, and others are published again by the peers that have them. `later`, too, where it waits here and is not to
   * be passed on yet.
   */
  readonly take = (message: Candidate, from?: Bringer): GossipVerdict => {
    const mayWait = this.pool.size < LIMITS.uncoveredMessages
    if (!mayWait && this.#own.refusalOf(message) !== undefined) return 'later'
    const { kind } = this.#add(message, from)
    if (kind === 'accepted') {
      this.arrived()
      return from === undefined || this.pool.pass(message, from) === 'now' ? 'accept' : 'later'
    }
    // Beside others in a bundle, another one of its name would be passed on as theirs.
    if (kind !== 'known') return 'later'
    const passing = this.pool.waitingAs(message) === undefined ? 'already' : this.pool.pass(message, from)
    return PASSED_ON[passing]
  }

  /**
   * One outcome for each message. Those that are accepted are on disk when this resolves. `passOn` is given those that
   * others may have now.
   */
  async submit(
    envelopes: readonly EnvelopeBytes[],
    from?: Bringer,
    passOn: (envelopes: readonly EnvelopeBytes[]) => Promise<void> = async () => undefined
  ): Promise<readonly SubmissionResult[]> {
    const verdicts = await checkMessages(envelopes, this.validation)
    const passed: EnvelopeBytes[] = []
    const submitted = envelopes.map((envelope, index) => {
      const verdict = verdicts[index]
      const fate = this.#submitOne(envelope, verdict, from)
      const isNew = fate.kind === 'accepted' && verdict?.ok === true
      if (isNew && this.pool.pass({ envelope, ...verdict }, from) !== 'later') passed.push(envelope)
      return fate
    })
    // What is known may still be on its way to the disk.
    await this.pool.stored()
    if (submitted.some(({ kind }) => kind === 'accepted')) this.arrived()
    await passOn(passed)
    return submitted
  }

  /** What was held back and may be passed on from now on, oldest first. */
  *released(): Iterable<Candidate> {
    if (!this.pool.holdsBack) return
    for (const candidate of this.pool.waiting())
      if (this.#own.covers(candidate) && this.pool.pass(candidate) === 'now') yield candidate
  }

  /** All that waits, is covered and is passed on, oldest first. Of the rest others need not hear again and again. */
  *covered(): Iterable<Candidate> {
    for (const candidate of this.pool.waiting())
      if (this.#own.covers(candidate) && this.pool.pass(candidate) !== 'later') yield candidate
  }

  #submitOne(
    envelope: EnvelopeBytes,
    verdict: Verdict | undefined,
    from: Bringer | undefined
  ): SubmissionResult {
    if (verdict === undefined) throw new RangeError('each message has a verdict')
    if (!verdict.ok) return { kind: 'refused', ...verdict.refusal }
    const { leaf, author, sequence } = verdict
    const candidate = { envelope, leaf, author, sequence }
    // Who hands it in can be told; what is here already is known, whatever has become of the account since.
    const refusal = this.pool.find(candidate) === undefined ? this.#own.refusalOf(candidate) : undefined
    return refusal === undefined
      ? fateOf(this.#add(candidate, from), sequence)
      : { kind: 'refused', ...refusal }
  }

  #add(candidate: Candidate, from: Bringer | undefined): Pooled {
    const first = this.pool.add(candidate, from)
    // In a full pool, or share of it, what is covered comes before what is not.
    const isFull = first.kind === 'full' || first.kind === 'share'
    const pooled = isFull && this.#room.make() ? this.pool.add(candidate, from) : first
    if (pooled.kind === 'accepted') this.#own.added(candidate)
    return pooled
  }
}

const PASSED_ON: Record<Passing, GossipVerdict> = { already: 'ignore', now: 'accept', later: 'later' }

function fateOf(pooled: Pooled, sequence: bigint): SubmissionResult {
  switch (pooled.kind) {
    case 'accepted':
    case 'known':
      return { kind: pooled.kind }
    case 'taken':
      return refused('sequence taken', `another message of this author has sequence ${sequence}`)
    case 'full':
      return refused('busy', 'too many messages wait for a block; send again later')
    case 'share':
      return refused(
        'rate limited',
        'you have brought as many of the messages that wait for a block as one peer may; send again later, or elsewhere'
      )
  }
}

function refused(reason: Reason, detail: string): SubmissionResult {
  return { kind: 'refused', reason, detail }
}
