import type { Candidate } from '../chain/candidate.js'
import type { PendingQueue } from '../chain/pending-queue.js'
import type { EnvelopeBytes, PeerIdBytes } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import { type Rate, RateLimiter } from '../core/rate-limiter.js'
import { refusal } from '../core/refusal.js'
import type { Service } from '../lifecycle/service.js'
import type { GossipVerdict } from '../network/host.js'
import type { ReceiptServer } from './receipt-server.js'

/** Gives valid messages their positions, and tells their authors at once where that is not to be. */
export class Recorder implements Service {
  readonly #given = new Set<string>()
  /** Who replays what others wrote must not drown them in their own receipts. */
  readonly #again: RateLimiter

  constructor(
    private readonly queue: PendingQueue,
    private readonly receipts: ReceiptServer,
    /** A monotonic clock, ms. */
    private readonly clock: () => number,
    rate: Rate = LIMITS.receiptsAgainRate
  ) {
    this.#again = new RateLimiter(rate, LIMITS.rememberedRates)
  }

  async start(): Promise<void> {}

  /** All that was taken is durable after this. */
  async stop(): Promise<void> {
    await this.queue.close()
  }

  /** A stored receipt names many messages: where they come again together, it is given once. */
  #giveAgain(author: PeerIdBytes, receipt: EnvelopeBytes): void {
    const name = Buffer.from(receipt.subarray(-64)).toString('latin1')
    if (this.#given.has(name)) return
    if (this.#given.size === 0) queueMicrotask(() => this.#given.clear())
    this.#given.add(name)
    if (this.#again.take(Buffer.from(author).toString('latin1'), this.clock()))
      this.receipts.accepted(author, receipt)
  }

  /** True where this very message has been taken before: its author gets its receipt, once more or soon. */
  readonly recall = (message: Omit<Candidate, 'envelope'>): boolean => {
    const found = this.queue.find(message)
    if (found?.kind === 'known') this.#giveAgain(message.author, found.receipt)
    return found?.kind === 'known' || found?.kind === 'accepted'
  }

  readonly take = (message: Candidate): GossipVerdict => {
    const { author, leaf, sequence } = message
    const added = this.queue.add(message)
    switch (added.kind) {
      case 'accepted':
        return 'accept'
      case 'known':
        this.#giveAgain(author, added.receipt)
        return 'ignore'
      case 'taken':
        this.receipts.refused(
          author,
          leaf,
          refusal('sequence taken', `another message of this author has sequence ${sequence}`)
        )
        return 'ignore'
      case 'refused':
        this.receipts.refused(author, leaf, added.refusal)
        return 'ignore'
      case 'limited':
        this.receipts.refused(
          author,
          leaf,
          refusal('rate limited', 'you write more messages a second than one author may; send again later')
        )
        return 'later'
      case 'full':
        this.receipts.refused(
          author,
          leaf,
          refusal('busy', 'too many messages wait for a block; send again later')
        )
        return 'later'
    }
  }
}
