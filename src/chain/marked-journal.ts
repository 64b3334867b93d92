import type { CheckpointedHeader } from '../core/block.js'
import type { Positioned } from './candidate.js'
import { FirstFailure } from './first-failure.js'
import type { Journal, JournalEntry } from './journal.js'
import type { IssuedReceipt } from './receipts.js'
import type { SequencerMark } from './signed-mark.js'
import type { Write } from './store.js'

/**
 * A journal with the mark beside the key: what is durable in the journal is marked, and only then signed things leave.
 * After a crash between the two the journal holds more than the mark says, and the next start takes that over.
 */
export class MarkedJournal implements Journal {
  readonly #failure = new FirstFailure()

  constructor(
    private readonly journal: Journal,
    private readonly mark: Pick<SequencerMark, 'taken' | 'cut'>
  ) {}

  get epoch(): bigint {
    return this.journal.epoch
  }

  get end(): number {
    return this.journal.end
  }

  async append(batch: readonly Positioned[]): Promise<readonly IssuedReceipt[]> {
    this.#failure.expectNone()
    const receipts = await this.journal.append(batch)
    await this.#failure.guard(() => this.mark.taken(batch))
    return receipts
  }

  async cut(signed: CheckpointedHeader, writes: readonly Write[]): Promise<void> {
    this.#failure.expectNone()
    await this.journal.cut(signed, writes)
    await this.#failure.guard(() => this.mark.cut(signed))
  }

  read(from: number): AsyncIterable<JournalEntry> {
    return this.journal.read(from)
  }
}
