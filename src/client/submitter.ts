import { bundleLength } from '../core/bundle.js'
import type { EnvelopeBytes, PeerIdBytes } from '../core/bytes.js'
import { toHex } from '../core/bytes.js'
import { describeError, type MessageId, type Report, type Summary } from '../core/events.js'
import { peerIdToString } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { isPassing } from '../core/refusal.js'
import type { SubmissionResult } from '../core/submission.js'
import type { Service } from '../lifecycle/service.js'
import { Wakeup } from '../lifecycle/waiting.js'
import type { Outbox } from './outbox.js'
import type { Draft, Payment, Unreceipted } from './outbox-entries.js'
import { SendTally } from './send-tally.js'

export interface SubmitterOptions {
  readonly outbox: Outbox
  /** Those that are connected now. */
  readonly peers: () => readonly PeerIdBytes[]
  readonly submit: (
    peer: PeerIdBytes,
    envelopes: readonly EnvelopeBytes[],
    signal: AbortSignal
  ) => Promise<readonly SubmissionResult[]>
  /** Hears of a payment that was not signed after all. */
  readonly unsigned: (payment: Payment) => void
  /** A monotonic clock, ms. */
  readonly clock: () => number
  readonly report: Report
}

/**
 * Gets a client's messages into the pools of equals: from the outbox, one bundle after the other, to one peer, or
 * to the next one where that one does not take them. A message leaves the outbox when a peer has it on its disk,
 * or has refused it for good.
 */
export class Submitter implements Service {
  readonly #stopping = new AbortController()
  /** Handed in, not on disk yet. */
  readonly #gathered: Draft[] = []
  readonly #changed = new Wakeup()
  readonly #due = new Wakeup()
  /** When messages were handed in first, by leaf in hex; those of earlier runs are not here. */
  readonly #sentAt = new Map<string, number>()
  #running: Promise<void> = Promise.resolve()
  /** Counts up when a peer does not take what it is given. */
  #turn = 0
  #wait: number = LIMITS.redialMs.first
  #isTold = false
  readonly #tally = new SendTally()

  constructor(private readonly options: SubmitterOptions) {}

  async start(): Promise<void> {
    this.#running = this.#run()
  }

  /** What was handed in is on disk after this, and stays in the outbox until somebody has it. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the client is stopping'))
    await this.#running
    while (this.#gathered.length > 0) await this.#store()
  }

  submit(draft: Draft): void {
    this.#gathered.push(draft)
    this.wake()
  }

  /** There is a peer to try, or something to hand in. */
  wake(): void {
    this.#due.wake()
  }

  /** Resolves when there is room for more, or when `signal` fires. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.unsettled >= 2 * LIMITS.clientWindow && !signal.aborted) await this.#changed.wait(signal)
  }

  /** Resolves when it is known of every message what became of it, or when `signal` fires. */
  async settled(signal: AbortSignal): Promise<void> {
    while (this.unsettled > 0 && !signal.aborted) await this.#changed.wait(signal)
  }

  /** Messages handed in whose fate is not known. */
  get unsettled(): number {
    return this.#gathered.length + this.options.outbox.size
  }

  summary(): Summary {
    return this.#tally.summary()
  }

  refusedBeforeSending(reason: string, detail: string, id: MessageId | undefined): void {
    this.#tally.refused += 1
    this.options.report({ event: 'refused', id, sequence: undefined, reason, detail })
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#store()
      const peers = this.options.peers()
      const peer = peers[this.#turn % Math.max(1, peers.length)]
      if (this.options.outbox.size === 0 || peer === undefined) {
        if (this.#gathered.length === 0) await this.#due.wait(signal)
      } else if (!(await this.#handIn(peer))) {
        this.#turn += 1
        await this.#due.wait(signal, this.#wait)
        this.#wait = Math.min(2 * this.#wait, LIMITS.redialMs.longest)
      } else {
        this.#wait = LIMITS.redialMs.first
        this.#isTold = false
      }
    }
  }

  /** Puts what was handed in on disk. Where that fails all of it is dropped: nothing is signed behind a gap. */
  async #store(): Promise<void> {
    while (this.#gathered.length > 0) {
      const drafts = this.#gathered.slice(0, LIMITS.bundleMessages)
      try {
        await this.options.outbox.add(drafts, 'open')
        this.#gathered.splice(0, drafts.length)
        this.#tally.sent += drafts.length
      } catch (error) {
        for (const draft of this.#gathered.splice(0)) this.#drop(draft, describeError(error))
      }
      this.#changed.wake()
    }
  }

  #drop({ payment, id }: Draft, detail: string): void {
    if (payment !== undefined) this.options.unsigned(payment)
    this.refusedBeforeSending('busy', detail, id)
  }

  /** One bundle of the oldest; false where the peer did not take all of them, for now. */
  async #handIn(peer: PeerIdBytes): Promise<boolean> {
    const { outbox, submit, clock } = this.options
    const waiting = outbox.waiting()
    const messages = waiting.slice(0, bundleLength(waiting, LIMITS.bundleMessages))
    for (const { leaf } of messages) {
      const name = toHex(leaf)
      if (this.#sentAt.has(name)) this.#tally.resent += 1
      else this.#sentAt.set(name, clock())
    }
    try {
      const envelopes = messages.map(({ envelope }) => envelope)
      const fates = await submit(peer, envelopes, this.#stopping.signal)
      return await this.#settle(messages, fates, peer)
    } catch (error) {
      this.#complain(peer, describeError(error))
      return false
    }
  }

  async #settle(
    messages: readonly Unreceipted[],
    fates: readonly SubmissionResult[],
    peer: PeerIdBytes
  ): Promise<boolean> {
    const { outbox } = this.options
    const taken: Unreceipted[] = []
    const refused: Unreceipted[] = []
    for (const [index, message] of messages.entries()) {
      const fate = fates[index]
      if (fate === undefined || !this.#note(message, fate)) continue
      if (fate.kind === 'refused') refused.push(message)
      else taken.push(message)
    }
    await outbox.handOver(...taken)
    await outbox.discard(...refused)
    this.#changed.wake()
    if (taken.length + refused.length === messages.length) return true
    this.#complain(peer, 'it takes no more messages now')
    return false
  }

  /** Whether that is the end of it. */
  #note({ sequence, leaf, id }: Unreceipted, fate: SubmissionResult): boolean {
    const { report, clock } = this.options
    if (fate.kind === 'refused') {
      const { reason, detail } = fate
      if (isPassing(reason)) return false
      this.#tally.refused += 1
      report({ event: 'refused', id, sequence, reason, detail })
    } else {
      const ms = clock() - (this.#sentAt.get(toHex(leaf)) ?? clock())
      this.#tally.accept(ms)
      report({ event: 'accepted', id, sequence, leaf, ms })
    }
    this.#sentAt.delete(toHex(leaf))
    return true
  }

  #complain(peer: PeerIdBytes, why: string): void {
    if (this.#isTold || this.#stopping.signal.aborted) return
    this.#isTold = true
    const message = `${peerIdToString(peer)} did not take messages (${why}); trying again`
    this.options.report({ event: 'warning', message })
  }
}
