import type { Candidate } from '../../chain/candidate.js'
import { encodeBundle } from '../../core/bundle.js'
import { type EnvelopeBytes, toHex } from '../../core/bytes.js'
import { describeError, type Report } from '../../core/events.js'
import { LIMITS } from '../../core/limits.js'
import { RateLimiter } from '../../core/rate-limiter.js'
import type { Service } from '../../lifecycle/service.js'
import { Wakeup } from '../../lifecycle/waiting.js'
import type { Host } from '../../network/host.js'

const SALT_BYTES = 8

/** How long a stranger waits at most, where others have used up what there is for all of them, ms. */
const WELCOME_MS = 1000 / LIMITS.welcomeRate.perSecond

/**
 * Publishes messages that wait for a block: new ones at once, and the oldest ones again from time to time, when peers have
 * come, and when a broken line to one has come back. Who mines may not have been there when they came, or they have left
 * the chain.
 */
export class Republisher implements Service {
  readonly #stopping = new AbortController()
  readonly #changed = new Wakeup()
  readonly #welcomes = new RateLimiter(LIMITS.welcomeRate, 1)
  /** Peers to which gossip has a new stream, and nothing was published since. */
  readonly #strangers = new Set<string>()
  #isDue = false
  /** When it was time for all, by `clock`. */
  #last = 0
  #running: Promise<void> = Promise.resolve()

  constructor(
    private readonly host: Host,
    private readonly topic: string,
    /** Oldest first. */
    private readonly waiting: () => Iterable<Candidate>,
    private readonly random: (bytes: number) => Uint8Array,
    /** A monotonic clock, ms. */
    private readonly clock: () => number,
    private readonly report: Report
  ) {}

  async start(): Promise<void> {
    this.host.onSubscription(() => this.#changed.wake())
    this.host.onGossipStream(peer => {
      this.#strangers.add(toHex(peer))
      this.#changed.wake()
    })
    this.#last = this.clock()
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the peer is stopping'))
    await this.#running
  }

  /** Publishes the oldest ones once more, soon. */
  wake(): void {
    this.#isDue = true
    this.#changed.wake()
  }

  /** Publishes messages that were handed over here. */
  async publish(envelopes: readonly EnvelopeBytes[]): Promise<void> {
    if (envelopes.length === 0) return
    await this.#publish(encodeBundle(envelopes))
  }

  /** Publishes messages that were held back, as many as at other times. */
  async release(held: Iterable<Candidate>): Promise<void> {
    for (const bundle of bundlesOf(held)) await this.publish(bundle)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted)
      if (this.#takeTurn()) await this.#publishWaiting()
      else await this.#changed.wait(signal, WELCOME_MS)
  }

  /**
   * Whether what waits is to be published now. A new peer may lack it. One that ends a subscription and begins it again is
   * not new; names and connections are free: many that come have it published no more often than a few.
   */
  #takeTurn(): boolean {
    const now = this.clock()
    if (now - this.#last >= LIMITS.republishMs) {
      this.#last = now
      this.#forgetGone()
      return true
    }
    if (this.#isDue) return true
    const hasStrangers =
      this.#strangers.size > 0 && this.#subscribers().some(peer => this.#strangers.has(peer))
    return hasStrangers && this.#welcomes.take('', now)
  }

  #forgetGone(): void {
    const there = new Set(this.host.peers().map(toHex))
    for (const peer of this.#strangers) if (!there.has(peer)) this.#strangers.delete(peer)
  }

  #subscribers(): string[] {
    return this.host.subscribers(this.topic).map(toHex)
  }

  async #publishWaiting(): Promise<void> {
    this.#isDue = false
    const subscribers = this.#subscribers()
    for (const peer of subscribers) this.#strangers.delete(peer)
    if (subscribers.length === 0) return
    // With a salt, or gossip would take it for the one that was published before.
    for (const bundle of bundlesOf(this.waiting()))
      await this.#publish(encodeBundle(bundle, this.random(SALT_BYTES)))
  }

  async #publish(bundle: Uint8Array): Promise<void> {
    await this.host.publish(this.topic, bundle).catch((error: unknown) => {
      this.report({ event: 'warning', message: `messages were not published: ${describeError(error)}` })
    })
  }
}

/** The oldest of them, in parts that a bundle may hold. */
function* bundlesOf(waiting: Iterable<Candidate>): Iterable<EnvelopeBytes[]> {
  let bundle: EnvelopeBytes[] = []
  let bytes = 0
  let count = 0
  for (const { envelope } of waiting) {
    const isFull =
      bundle.length >= LIMITS.bundleMessages || bytes + envelope.length > LIMITS.bundleBytes - BUNDLE_MARGIN
    if (isFull && bundle.length > 0) {
      yield bundle
      bundle = []
      bytes = 0
    }
    bundle.push(envelope)
    bytes += envelope.length + ENVELOPE_MARGIN
    count += 1
    // The caller takes it for published.
    if (count >= LIMITS.republishMessages) break
  }
  if (bundle.length > 0) yield bundle
}

/** For tags and lengths. */
const ENVELOPE_MARGIN = 8
const BUNDLE_MARGIN = 64
