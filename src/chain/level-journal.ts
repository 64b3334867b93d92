import type { CheckpointedHeader } from '../core/block.js'
import { type EnvelopeBytes, equal } from '../core/bytes.js'
import type { Positioned } from './candidate.js'
import { FirstFailure } from './first-failure.js'
import { FencedError, type Journal, type JournalEntry } from './journal.js'
import type { IssuedReceipt, ReceiptIssuer } from './receipts.js'
import {
  type Database,
  EPOCH_KEY,
  keys,
  numberOfKey,
  ranges,
  StoreError,
  type Write,
  writeDurably
} from './store.js'

/** The journal in the peer's own database: each batch and each block is one synced write. */
export class LevelJournal implements Journal {
  readonly #failure = new FirstFailure()
  #end: number

  private constructor(
    private readonly database: Database,
    private readonly receipts: ReceiptIssuer,
    private readonly fence: Fence,
    readonly epoch: bigint,
    end: number
  ) {
    this.#end = end
  }

  /** Writes down the new epoch. Throws StoreError. */
  static async open(database: Database, receipts: ReceiptIssuer): Promise<LevelJournal> {
    const fence = Fence.of(database)
    const epoch = await fence.raise()
    const [last] = await database.keys({ ...ranges.messages, reverse: true, limit: 1 }).all()
    return new LevelJournal(database, receipts, fence, epoch, last === undefined ? 0 : numberOfKey(last) + 1)
  }

  get end(): number {
    return this.#end
  }

  async append(batch: readonly Positioned[]): Promise<readonly IssuedReceipt[]> {
    this.#failure.expectNone()
    const { end } = this
    if (batch.some(({ position }, index) => position !== end + index))
      throw new RangeError(`a batch whose messages do not have the positions from ${end} on`)
    return this.#failure.guard(async () => {
      const { writes, receipts } = this.receipts.issue(batch)
      await this.fence.write(this.epoch, writes)
      this.#end = end + batch.length
      return receipts
    })
  }

  async cut({ header }: CheckpointedHeader, writes: readonly Write[]): Promise<void> {
    this.#failure.expectNone()
    if (header.size > this.end)
      throw new RangeError(`a block of ${header.size} messages, of which ${this.end} are durable`)
    await this.#failure.guard(() => this.fence.write(this.epoch, writes))
  }

  read(from: number): AsyncIterable<JournalEntry> {
    return storedEntries(this.database, from)
  }
}

/** The entries of a database that is only read: no other process is fenced. Throws StoreError. */
export async function* storedEntries(database: Database, from: number): AsyncIterable<JournalEntry> {
  let position = from
  for await (const [key, value] of database.iterator({ ...ranges.messages, gte: keys.message(from) })) {
    if (!equal(key, keys.message(position)))
      throw new StoreError(`the message at position ${position} is missing`)
    yield { position, envelope: value as EnvelopeBytes }
    position += 1
  }
}

const EPOCH_BYTES = 8

/**
 * Who may write to a database. LevelDB lets one process open it, so that it is enough to keep those within this process
 * apart; the epoch on disk makes it grow over restarts.
 */
class Fence {
  static readonly #ofDatabases = new WeakMap<Database, Fence>()
  readonly #underWay = new Set<Promise<void>>()

  private constructor(
    private readonly database: Database,
    private epoch: bigint
  ) {}

  /** Throws StoreError. */
  static of(database: Database): Fence {
    const known = Fence.#ofDatabases.get(database)
    if (known !== undefined) return known
    const fence = new Fence(database, epochIn(database))
    Fence.#ofDatabases.set(database, fence)
    return fence
  }

  /** A new epoch. When it resolves, nothing that an earlier one writes is under way. */
  async raise(): Promise<bigint> {
    this.epoch += 1n
    const { epoch } = this
    await Promise.allSettled(this.#underWay)
    const value = Buffer.alloc(EPOCH_BYTES)
    value.writeBigUInt64BE(epoch)
    await this.write(epoch, [{ type: 'put', key: EPOCH_KEY, value }])
    return epoch
  }

  async write(epoch: bigint, writes: readonly Write[]): Promise<void> {
    if (epoch !== this.epoch)
      throw new FencedError(
        `the journal was opened again: its epoch is ${this.epoch}, that of the write ${epoch}`
      )
    const written = writeDurably(this.database, writes)
    this.#underWay.add(written)
    try {
      await written
    } finally {
      this.#underWay.delete(written)
    }
  }
}

function epochIn(database: Database): bigint {
  const stored = database.getSync(EPOCH_KEY)
  if (stored === undefined) return 0n
  if (stored.length !== EPOCH_BYTES) throw new StoreError('the epoch of the journal is damaged')
  return Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).readBigUInt64BE()
}
