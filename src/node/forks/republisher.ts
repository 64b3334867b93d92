import type { Candidate } from '../../chain/candidate.js'
import type { Pool } from '../../chain/pool.js'
import { encodeBundle } from '../../core/bundle.js'
import type { EnvelopeBytes } from '../../core/bytes.js'
import { LIMITS } from '../../core/limits.js'
import type { Host } from '../../network/host.js'
import { describeError, type Report } from '../events.js'
import type { Service } from '../service.js'
import { Wakeup } from '../waiting.js'

const SALT_BYTES = 8

/**
 * Publishes messages that wait for a block: new ones at once, and the oldest ones again from time to time, and
 * when peers have come. Who mines may not have been there when they came, or they have left the chain.
 */
export class Republisher implements Service {
  readonly #stopping = new AbortController()
  readonly #due = new Wakeup()
  #running: Promise<void> = Promise.resolve()

  constructor(
    private readonly host: Host,
    private readonly topic: string,
    private readonly pool: Pool,
    private readonly random: (bytes: number) => Uint8Array,
    private readonly report: Report
  ) {}

  async start(): Promise<void> {
    this.host.onSubscription(() => this.wake())
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the peer is stopping'))
    await this.#running
  }

  /** Publishes the oldest ones once more, soon. */
  wake(): void {
    this.#due.wake()
  }

  /** Publishes messages that were handed over here. */
  async publish(envelopes: readonly EnvelopeBytes[]): Promise<void> {
    await this.#publish(encodeBundle(envelopes))
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (;;) {
      await this.#due.wait(signal, LIMITS.republishMs)
      if (signal.aborted) return
      if (!this.host.hasSubscribers(this.topic)) continue
      // With a salt, or gossip would take it for the one that was published before.
      for (const bundle of bundlesOf(this.pool.waiting()))
        await this.#publish(encodeBundle(bundle, this.random(SALT_BYTES)))
    }
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
    if (count >= LIMITS.republishMessages) break
    bundle.push(envelope)
    bytes += envelope.length + ENVELOPE_MARGIN
    count += 1
  }
  if (bundle.length > 0) yield bundle
}

/** For tags and lengths. */
const ENVELOPE_MARGIN = 8
const BUNDLE_MARGIN = 64
