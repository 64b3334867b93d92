import { bundleLength, encodeBundle } from '../core/bundle.js'
import { asHash, type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from '../core/bytes.js'
import { describeError, type MessageId, type Report, type Summary } from '../core/events.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { readReceipt } from '../core/receipt.js'
import { isPassing } from '../core/refusal.js'
import type { SealingContext } from '../core/sealing.js'
import type { Service } from '../lifecycle/service.js'
import { Wakeup } from '../lifecycle/waiting.js'
import type { Host } from '../network/host.js'
import { Gathered, isLoose } from './gathered.js'
import type { Outbox, Sealing } from './outbox.js'
import type { Draft, Payment, Unreceipted } from './outbox-entries.js'
import { RefusalDetails } from './refusal-details.js'
import { SendTally } from './send-tally.js'
import { type Flight, SendWindow } from './send-window.js'
import type { ReceivedNotice } from './sequencer-link.js'
import type { StoredDrafts } from './stored-drafts.js'

export interface PublisherOptions {
  readonly host: Host
  readonly topic: string
  readonly outbox: Outbox
  readonly drafts: StoredDrafts
  readonly bodies: 'sealed' | 'open'
  readonly network: Hash
  readonly author: PeerIdBytes
  readonly sequencer: PeerIdBytes
  /** A monotonic clock, ms. */
  readonly clock: () => number
  readonly random: (bytes: number) => Uint8Array
  /** Asked for a context of another key than this one, which was refused; `use` is called with it. May be asked often. */
  readonly renewKey: (refused: Uint8Array) => void
  /** Asked right before something is sealed; where it says no, `withhold` is called. */
  readonly maySeal: (context: SealingContext) => boolean
  /** Hears of a payment that was not signed after all. */
  readonly unsigned: (payment: Payment) => void
  readonly report: Report
}

/**
 * Gets a client's messages into the log. Gossip has no backpressure and loses messages without a word, so
 * receipts are the flow control: a bounded window of messages is on its way, each is sent again until its
 * receipt or a refusal comes, and everything is on disk before it leaves.
 */
export class Publisher implements Service {
  readonly #gathered: Gathered
  /** On disk, waiting for room in the window. */
  #queue: Unreceipted[]
  readonly #window = new SendWindow()
  /** Those on their way that were refused for their key, by leaf in hex. They wait for another one to be sealed to. */
  readonly #keyRefused = new Map<string, Hash>()
  readonly #verifiers = new VerifierCache()
  readonly #details = new RefusalDetails()
  #sealing: Sealing | undefined
  #isUp = false
  #storing: Promise<void> | undefined
  #settling: Promise<void> = Promise.resolve()
  #lastStored = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #resendTimer: NodeJS.Timeout | undefined
  readonly #changed = new Wakeup()
  readonly #left: Set<string>
  readonly #tally = new SendTally()

  constructor(private readonly options: PublisherOptions) {
    this.#gathered = new Gathered(options.drafts)
    if (options.bodies === 'open') this.#sealing = 'open'
    this.#queue = options.outbox.waiting()
    this.#left = new Set(this.#queue.map(({ leaf }) => toHex(leaf)))
  }

  async start(): Promise<void> {
    this.#resendTimer = setInterval(() => this.#resend(), LIMITS.resendMs.first / 8)
  }

  /** What was handed in is on disk after this, and stays there until it has its receipt. */
  async stop(): Promise<void> {
    this.down()
    clearInterval(this.#resendTimer)
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#storing !== undefined || (this.#gathered.size > 0 && this.#sealing !== undefined)) {
      this.#storing ??= this.#storeAll()
      await this.#storing
    }
    // Messages that wait to be sealed again are on disk as they are.
    clearTimeout(this.#timer)
    this.#drop(
      ({ storedAt }) => storedAt === undefined,
      'the client was stopped before it had a key to seal to'
    )
    await this.#settling
  }

  /**
   * Takes a body that fits the schema. It is sealed where that is to be, signed, stored and sent soon; where there is no
   * key yet it is stored until there is. What becomes of it is reported.
   */
  submit(draft: Draft): void {
    this.#gathered.add(draft)
    this.#schedule()
  }

  /** Resolves when there is room for more: at most a window of messages waits behind the one on its way. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.unsettled >= 2 * LIMITS.clientWindow && !signal.aborted) await this.#changed.wait(signal)
  }

  /** Resolves when every message has its receipt or its refusal, or when `signal` fires. */
  async settled(signal: AbortSignal): Promise<void> {
    while (this.unsettled > 0 && !signal.aborted) await this.#changed.wait(signal)
    await this.#storing
    await this.#settling
  }

  /** Messages handed in whose fate is not known. */
  get unsettled(): number {
    return this.#gathered.size + this.options.outbox.size
  }

  summary(): Omit<Summary, 'proved'> {
    return this.#tally.summary()
  }

  refusedBeforeSending(reason: string, detail: string, id: MessageId | undefined): void {
    this.#tally.refused += 1
    this.options.report({ event: 'refused', id, sequence: undefined, reason, detail })
  }

  up(sealing: Sealing): void {
    this.#sealing = sealing
    if (sealing !== 'open') this.#details.remember(sealing)
    this.#isUp = true
    // Whatever was on its way when the link broke may be lost.
    const toReseal = new Set(this.#toReseal())
    this.#sendAgain(this.#window.all().filter(flight => !toReseal.has(flight)))
    this.#pump()
    this.#schedule()
  }

  /** Seals to another key from now on. */
  use(context: SealingContext): void {
    this.#sealing = context
    this.#details.remember(context)
    this.#schedule()
  }

  /** Seals nothing more until there is another context: what is handed in meanwhile waits. */
  withhold(): void {
    this.#sealing = undefined
  }

  down(): void {
    this.#isUp = false
  }

  notice(notice: ReceivedNotice): void {
    try {
      if (notice.receipt !== undefined) this.#accept(notice.receipt as EnvelopeBytes)
      else if (notice.refused !== undefined) this.#refuse(notice.refused)
    } catch (error) {
      this.options.report({
        event: 'warning',
        message: `the sequencer sent a notice that does not hold: ${describeError(error)}`
      })
    }
  }

  #schedule(): void {
    if (this.#storing !== undefined || this.#timer !== undefined) return
    if (this.#sealing === undefined) {
      if (this.#gathered.hasLoose) this.#storing = this.#keepAll()
      return
    }
    if (this.#gathered.size === 0 && this.#toReseal().length === 0) return
    const wait = this.#lastStored + LIMITS.bundleMs - this.options.clock()
    const isFull = this.#gathered.size >= LIMITS.bundleMessages
    if (wait <= 0 || isFull) this.#storing = this.#storeAll()
    else
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#storing ??= this.#storeAll()
      }, wait)
  }

  async #storeAll(): Promise<void> {
    try {
      // Let the caller's turn end: what it hands in at once goes out together.
      await Promise.resolve()
      await this.#resealAll()
      while (this.#gathered.size > 0) {
        const sealing = this.#usable()
        if (sealing === undefined) break
        const drafts = this.#gathered.first(LIMITS.bundleMessages)
        const added = await this.options.outbox.add(drafts, sealing)
        this.#gathered.signed(drafts.length)
        this.#tally.sent += added.length
        this.#lastStored = this.options.clock()
        this.#queue.push(...added)
        this.#pump()
        if (this.#gathered.size < LIMITS.bundleMessages) break
      }
    } catch (error) {
      this.#drop(() => true, describeError(error))
    } finally {
      this.#storing = undefined
    }
    this.#schedule()
  }

  /** Puts on disk what waits for a key. */
  async #keepAll(): Promise<void> {
    try {
      await Promise.resolve()
      await this.#gathered.store()
    } catch (error) {
      this.#drop(isLoose, describeError(error))
    } finally {
      this.#storing = undefined
    }
    this.#schedule()
  }

  /** Undefined where nothing may be sealed now. */
  #usable(): Sealing | undefined {
    const sealing = this.#sealing
    if (sealing === undefined || sealing === 'open') return sealing
    return this.options.maySeal(sealing) ? sealing : undefined
  }

  /** Forgets those of what was handed in that `isLost` names. */
  #drop(isLost: (draft: Draft) => boolean, detail: string): void {
    for (const { payment, id } of this.#gathered.remove(isLost)) {
      if (payment !== undefined) this.options.unsigned(payment)
      this.refusedBeforeSending('busy', detail, id)
    }
    this.#changed.wake()
  }

  #toReseal(): Flight[] {
    const sealing = this.#sealing
    if (sealing === undefined || sealing === 'open') return []
    return [...this.#keyRefused].flatMap(([name, leaf]) => {
      const flight = this.#window.find(leaf)
      if (flight === undefined) this.#keyRefused.delete(name)
      return flight && !equal(flight.message.keyId, sealing.keyId) ? [flight] : []
    })
  }

  /** Puts messages sealed to the key of now, under new sequences, in place of those that were refused for theirs. */
  async #resealAll(): Promise<void> {
    const { outbox, clock, report } = this.options
    const flights = this.#toReseal()
    const context = flights.length === 0 ? undefined : this.#usable()
    if (context === undefined || context === 'open') return
    for (const { message } of flights) this.#keyRefused.delete(toHex(message.leaf))
    let resealed: (Unreceipted | undefined)[]
    try {
      resealed = await outbox.reseal(
        flights.map(({ message }) => message),
        context
      )
    } catch (error) {
      // They stay as they were, are sent again in their time, and refused again.
      report({ event: 'warning', message: `messages could not be sealed again: ${describeError(error)}` })
      return
    }
    const messages: Unreceipted[] = []
    for (const [index, flight] of flights.entries()) {
      const message = resealed[index]
      if (message === undefined) {
        const old = outbox.find(flight.message.leaf)
        if (old)
          this.#giveUp(old, 'unknown key', 'its body is not in the outbox, so it cannot be sealed again')
        continue
      }
      this.#window.replaced(flight, message, clock())
      messages.push(message)
      report({ event: 'resealed', id: message.id, sequence: flight.message.sequence, as: message.sequence })
    }
    this.#tally.resent += messages.length
    // Without a connection they leave with the next one, as all in flight.
    while (this.#isUp && messages.length > 0)
      this.#publish(messages.splice(0, bundleLength(messages, LIMITS.bundleMessages)), false)
  }

  /** Sends what the window has room for. */
  #pump(): void {
    while (this.#isUp && this.#queue.length > 0 && this.#window.room > 0) {
      const room = Math.min(LIMITS.bundleMessages, this.#window.room)
      const messages = this.#queue
        .splice(0, bundleLength(this.#queue, room))
        // A receipt may have come for one that an earlier run of this client had sent.
        .filter(({ leaf }) => this.options.outbox.find(leaf) !== undefined)
      if (messages.length === 0) continue
      const now = this.options.clock()
      const leftOver = messages.filter(({ leaf }) => this.#left.delete(toHex(leaf))).length
      for (const message of messages) this.#window.sent(message, now)
      this.#tally.resent += leftOver
      this.#publish(messages, leftOver > 0)
    }
  }

  #resend(): void {
    if (this.#isUp) this.#sendAgain(this.#window.lost(this.options.clock()))
  }

  #sendAgain(flights: readonly Flight[]): void {
    const now = this.options.clock()
    for (const flight of flights) this.#window.sentAgain(flight, now)
    const messages = flights.map(({ message }) => message)
    this.#tally.resent += messages.length
    while (messages.length > 0)
      this.#publish(messages.splice(0, bundleLength(messages, LIMITS.bundleMessages)), true)
  }

  #publish(messages: readonly Unreceipted[], isResend: boolean): void {
    const { host, topic, random } = this.options
    const envelopes = messages.map(({ envelope }) => envelope)
    host.publish(topic, encodeBundle(envelopes, isResend ? random(8) : undefined)).then(
      recipients => {
        if (recipients > 0) return
        const now = this.options.clock()
        for (const { leaf } of messages) this.#window.notOut(leaf, now)
      },
      (error: unknown) => {
        this.options.report({ event: 'warning', message: `publishing failed: ${describeError(error)}` })
      }
    )
  }

  #accept(bytes: EnvelopeBytes): void {
    const { network, sequencer, author, outbox, report, clock } = this.options
    const receipt = readReceipt(bytes, network, sequencer, this.#verifiers)
    if (!equal(receipt.author, author)) throw new Error('it is the receipt of another author')
    const now = clock()
    const messages: Unreceipted[] = []
    for (const { leaf, sequence, position } of receipt.entries) {
      const message = outbox.find(leaf)
      if (message === undefined) continue
      if (message.sequence !== sequence) throw new Error('it names another sequence for this message')
      messages.push(message)
      const ms = this.#window.received(leaf, now)
      this.#tally.accept(ms)
      report({ event: 'receipt', id: message.id, sequence, position, leaf, ms })
    }
    this.#settle(outbox.settle(messages, bytes))
  }

  #refuse(refused: NonNullable<ReceivedNotice['refused']>): void {
    const { outbox } = this.options
    const { reason } = refused
    if (refused.leaf.length !== 32) return
    const leaf = asHash(refused.leaf)
    const message = outbox.find(leaf)
    // Not ours: somebody forged our name, or tests us.
    if (message === undefined) return
    if (isPassing(reason)) {
      this.#window.postponed(leaf, this.options.clock())
      return
    }
    if (reason === 'unknown key' && this.#sealing !== 'open') this.#sealAgain(message, this.#sealing)
    else this.#giveUp(message, reason, this.#details.read(message, refused))
  }

  #giveUp(message: Unreceipted, reason: string, detail: string): void {
    this.#window.ended(message.leaf)
    this.#tally.refused += 1
    this.options.report({ event: 'refused', id: message.id, sequence: message.sequence, reason, detail })
    this.#settle(this.options.outbox.discard(message))
  }

  /** Not lost: it stays in flight until it can be sealed to another key. */
  #sealAgain({ leaf, keyId }: Unreceipted, context: SealingContext | undefined): void {
    // One that waits to be sent will be, and will be refused again.
    if (this.#window.find(leaf) === undefined) return
    this.#keyRefused.set(toHex(leaf), leaf)
    if (context && equal(context.keyId, keyId)) this.options.renewKey(keyId)
    else this.#schedule()
  }

  #settle(written: Promise<void>): void {
    this.#settling = Promise.all([this.#settling, written]).then(
      () => undefined,
      (error: unknown) =>
        this.options.report({
          event: 'warning',
          message: `the outbox was not written: ${describeError(error)}`
        })
    )
    this.#pump()
    this.#changed.wake()
  }
}
