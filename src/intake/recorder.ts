import type { Candidate } from '../chain/candidate.js'
import type { Journal } from '../chain/journal.js'
import type { EnvelopeBytes, PeerIdBytes } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import { type Rate, RateLimiter } from '../core/rate-limiter.js'
import { refusal } from '../core/refusal.js'
import type { Service } from '../lifecycle/service.js'
import type { GossipVerdict } from '../network/host.js'
import type { ReceiptServer } from './receipt-server.js'

/** Puts valid messages into the sequencer's journal, and tells their authors at once where that is not to be. */
export class Recorder implements Service {
  readonly #given = new Set<string>()
  /** Who replays what others wrote must not drown them in their own receipts. */
  readonly #again: RateLimiter

  constructor(
    private readonly journal: Journal,
    private readonly receipts: ReceiptServer,
    /** A monotonic clock, ms. */
    private readonly clock: () => number,
    rate: Rate = LIMITS.receiptsAgainRate
  ) {
    this.#again = new RateLimiter(rate, LIMITS.rememberedRates)
  }

  async start(): Promise<void> {}

  /** All that was taken is on disk after this. */
  async stop(): Promise<void> {
    await this.journal.close()
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
    const found = this.journal.find(message)
    if (found?.kind === 'known') this.#giveAgain(message.author, found.receipt)
    return found?.kind === 'known' || found?.kind === 'accepted'
  }

  readonly take = (message: Candidate): GossipVerdict => {
    const { author, leaf, sequence } = message
    const appended = this.journal.append(message)
    switch (appended.kind) {
      case 'accepted':
        return 'accept'
      case 'known':
        this.#giveAgain(author, appended.receipt)
        return 'ignore'
      case 'taken':
        this.receipts.refused(
          author,
          leaf,
          refusal('sequence taken', `another message of this author has sequence ${sequence}`)
        )
        return 'ignore'
      case 'refused':
        this.receipts.refused(author, leaf, appended.refusal)
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
