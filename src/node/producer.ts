import type { Chain } from '../chain/chain.js'
import type { Journal } from '../chain/journal.js'
import type { PendingQueue } from '../chain/pending-queue.js'
import { encodeBlock, signHeader } from '../core/block.js'
import { describeError, type Report } from '../core/events.js'
import type { Signer } from '../core/keys.js'
import type { Service } from '../lifecycle/service.js'
import type { Host } from '../network/host.js'

export interface ProducerOptions {
  readonly chain: Chain
  readonly journal: Journal
  readonly queue: PendingQueue
  readonly signer: Signer
  readonly host: Host
  readonly topic: string
  /** ms since 1970: the time of a block. */
  readonly now: () => number
  /** The monotonic clock of the queue, ms. */
  readonly clock: () => number
  readonly report: Report
  /** Hears how many messages wait for the next block, whenever none that is due is left. */
  readonly waiting?: ((waiting: Waiting) => void) | undefined
  /** Hears of a block that could not be written, once. */
  readonly failed: (error: Error) => void
}

/** So many messages wait for the block of this height, which is not due yet. */
export interface Waiting {
  readonly count: number
  readonly height: number
}

/**
 * Cuts blocks as they fall due, beside the intake: draft, sign, journal, and only then publish. After a
 * crash before the journal has it the same messages make the next block; a signature that was never shown is no lie.
 */
export class Producer implements Service {
  #producing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isAwake = false

  constructor(private readonly options: ProducerOptions) {}

  async start(): Promise<void> {
    this.#isAwake = true
    this.wake()
  }

  async stop(): Promise<void> {
    this.#isAwake = false
    clearTimeout(this.#timer)
    await this.#producing
  }

  /** Called whenever messages have become pending. */
  wake(): void {
    if (!this.#isAwake) return
    this.#producing ??= this.#produceAll()
      .catch((error: unknown) => {
        // Whether the block is on disk shows after a restart. Made once more it would be another one, of the same height.
        this.#isAwake = false
        this.options.failed(error instanceof Error ? error : new Error(String(error)))
      })
      .finally(() => {
        this.#producing = undefined
      })
  }

  async #produceAll(): Promise<void> {
    while (this.#isAwake) {
      const { chain, queue, clock } = this.options
      const { count, oldest } = queue.pending()
      const due = chain.rules.ordering.due(chain.head().header, count, oldest, clock())
      if (due === undefined) {
        this.options.waiting?.({ count, height: chain.head().header.height + 1 })
        return this.#comeBack(count, oldest)
      }
      await this.#produce(due)
    }
  }

  async #produce(count: number): Promise<void> {
    const { chain, journal, queue, signer, now, report, host, topic } = this.options
    const messages = queue.take(count)
    const draft = chain.draft(messages, signer.peerId, now())
    const signed = signHeader(draft.header, signer)
    await chain.append(draft, signed, writes => journal.cut(signed, writes))
    queue.release(count)
    report({ event: 'block', signed })
    await host
      .publish(topic, encodeBlock({ signed, envelopes: messages.envelopes }))
      .catch((error: unknown) => {
        // Whoever misses it asks for it.
        report({
          event: 'warning',
          message: `block ${signed.header.height} was not published: ${describeError(error)}`
        })
      })
  }

  /** Looks again when the oldest pending message is old enough for a shorter block. */
  #comeBack(pending: number, oldest: number): void {
    const { chain, clock } = this.options
    const { maxPendingAge } = chain.rules.ordering
    clearTimeout(this.#timer)
    if (maxPendingAge === undefined || pending === 0) return
    this.#timer = setTimeout(() => this.wake(), Math.max(1, oldest + maxPendingAge - clock()))
  }
}
