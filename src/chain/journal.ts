import type { CheckpointedHeader } from '../core/block.js'
import type { EnvelopeBytes } from '../core/bytes.js'
import { TallystickError } from '../core/errors.js'
import type { Positioned } from './candidate.js'
import type { IssuedReceipt } from './receipts.js'
import type { Write } from './store.js'

/** A message as it is stored. */
export interface JournalEntry {
  readonly position: number
  readonly envelope: EnvelopeBytes
}

/**
 * The sequencer's order, made durable: which message has which position, and which block has which height. It judges
 * nothing: whether a message is valid is decided before it gets here. `test/chain/journal-conformance.ts` tests what
 * follows, for each implementation.
 *
 * Order. Positions go on from 0 without a gap, and none is given twice. A batch begins at `end`, or is refused.
 *
 * Atomicity. A batch becomes durable as a whole, its messages with their receipts and indexes, or not at all. A block
 * does as well.
 *
 * Durability. What a call has resolved for survives the end of the process and the loss of power. A receipt or the
 * signature of a block leaves the process only after that.
 *
 * After a crash. What is durable is all that resolved, and perhaps the call that was under way: one more batch, or one
 * more block. No message is there without all messages before it, and no block without its messages. The peer's database
 * has every message with its indexes and its receipt.
 *
 * Failure. A call that rejects may be durable all the same. So every later call rejects with the same error, and only
 * opening the journal again tells what there is. A call that breaks the rules of this comment rejects with RangeError,
 * and changes nothing.
 *
 * Fencing. Each opening of the journal has a higher epoch than all before it. From then on calls of an earlier epoch
 * reject with FencedError and write nothing, and `read` yields what they wrote before. So where two processes run as the
 * sequencer, only the later one can sign.
 *
 * Overlap. `append` and `cut` may be under way at once; two calls of the same one may not.
 */
export interface Journal {
  readonly epoch: bigint

  /** The first position that has no message. It moves when `append` resolves. */
  readonly end: number

  /** Resolves with the receipts, one for each author, when the batch is durable. */
  append(batch: readonly Positioned[]): Promise<readonly IssuedReceipt[]>

  /**
   * Resolves when this is the block of its height for good and `writes`, by which the chain keeps it, are in the peer's
   * database. All messages of the block were appended before. A journal that is kept elsewhere makes the header
   * durable there first, so that a process that takes over publishes this same block.
   */
  cut(signed: CheckpointedHeader, writes: readonly Write[]): Promise<void>

  /**
   * The messages from this position on, in order, as far as they were durable at the call. `from` is not below the size
   * of the highest block. Throws StoreError where one is missing.
   */
  read(from: number): AsyncIterable<JournalEntry>
}

/** Thrown where the journal was opened again, by somebody else or by the same process. */
export class FencedError extends TallystickError {
  override name = 'FencedError'

  constructor(message: string) {
    super('ERR_FENCED', message)
  }
}
