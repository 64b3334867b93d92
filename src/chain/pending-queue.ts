import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import type { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { type Receipt, readReceipt } from '../core/receipt.js'
import type { Refusal } from '../core/refusal.js'
import type { MessageRules } from '../core/validation.js'
import { type Candidate, nameOf, type Positioned } from './candidate.js'
import type { Chain } from './chain.js'
import type { DraftMessages } from './cursor.js'
import { HighestSequences } from './highest-sequences.js'
import { expectReceiptsIndexed } from './indexes.js'
import type { Journal } from './journal.js'
import { pendingMessages } from './pending.js'
import { PendingState } from './pending-state.js'
import type { IssuedReceipt } from './receipts.js'
import { type Database, placeOf, receiptOf } from './store.js'

interface Entry extends Positioned {
  /** When it came, by the monotonic clock; below 0 where that was in an earlier run. */
  readonly arrived: number
}

export type Added =
  /** It has a position; its receipt comes once it is durable. */
  | { readonly kind: 'accepted' }
  /** It is durable since before; here is its receipt once more. */
  | { readonly kind: 'known'; readonly receipt: EnvelopeBytes }
  /** Another message has its author and sequence. */
  | { readonly kind: 'taken' }
  /** It is not valid after all that came before it. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Its author writes too fast. */
  | { readonly kind: 'limited' }
  /** Too many messages wait for a block or for the disk. */
  | { readonly kind: 'full' }

export interface PendingQueueOptions {
  readonly journal: Journal
  /** Where the journal's messages, their indexes and their receipts are. */
  readonly database: Database
  readonly chain: Chain
  /** Whose key signs receipts and blocks. */
  readonly sequencer: PeerIdBytes
  /** ms since 1970. */
  readonly now: () => number
  /** A monotonic clock, ms: the age of what waits for a block is measured by it. */
  readonly clock: () => number
  /** Asked before a new message gets its position: whether its author may write one more now. Left out: always. */
  readonly mayWrite?: (author: PeerIdBytes) => boolean
  /** Hears of each batch once it is durable. */
  readonly committed: (receipts: readonly IssuedReceipt[]) => void
  /** Hears of an append that failed, once. The queue takes nothing more: a restart tells what is durable. */
  readonly failed: (error: Error) => void
}

/**
 * The messages that are in no block yet. `add` judges a message after all that came before it, and hands out positions
 * at once and in the order of its calls. A group commit appends to the journal all that came meanwhile, as one batch.
 */
export class PendingQueue {
  /** Positions from the head's size on, in order. The first `#durable` of them are in the journal. */
  #entries: Entry[] = []
  #durable = 0
  readonly #inFlight = new Map<string, Hash>()
  #highest = new HighestSequences()
  readonly #state: PendingState | undefined
  #committing: Promise<void> | undefined
  #isFailed = false

  private constructor(private readonly options: PendingQueueOptions) {
    this.#state = PendingState.after(options.chain)
  }

  /** Reads and verifies the messages of the journal that are in no block yet. Throws StoreError. */
  static async open(
    options: PendingQueueOptions,
    rules: MessageRules,
    verifiers: VerifierCache
  ): Promise<PendingQueue> {
    const queue = new PendingQueue(options)
    const { database, journal, chain, sequencer } = options
    const start = queue.#start()
    const read = (receipt: Uint8Array): Receipt =>
      readReceipt(receipt, chain.rules.network.id, sequencer, verifiers)
    const state = queue.#state
    const waiting: Positioned[] = []
    for await (const message of pendingMessages({
      database,
      start,
      entries: journal.read(start),
      rules,
      verifiers,
      state,
      readReceipt: read
    }))
      waiting.push(message)
    const receipted = new Map<number, number>()
    queue.#highest = await expectReceiptsIndexed(database, start + waiting.length, bytes => {
      const receipt = read(bytes)
      for (const { position } of receipt.entries) if (position >= start) receipted.set(position, receipt.time)
      return receipt
    })
    queue.#hold(waiting, receipted)
    return queue
  }

  /** Their ages go on over a restart, as far as the clock was not set back meanwhile. `receipted`: when, by position. */
  #hold(waiting: readonly Positioned[], receipted: ReadonlyMap<number, number>): void {
    const { now, clock } = this.options
    this.#entries = waiting.map(message => {
      const age = Math.max(0, now() - (receipted.get(message.position) ?? now()))
      return { ...message, arrived: clock() - age }
    })
    this.#durable = waiting.length
  }

  /** What became of a message when it came before; undefined where nothing has its author and sequence. */
  find({ author, sequence, leaf }: Omit<Candidate, 'envelope'>): Added | undefined {
    const flying = this.#inFlight.get(nameOf({ author, sequence }))
    if (flying !== undefined) return { kind: equal(flying, leaf) ? 'accepted' : 'taken' }
    const place = this.#highest.isNew(author, sequence)
      ? undefined
      : placeOf(this.options.database, author, sequence)
    if (place === undefined) return undefined
    const stored = this.options.chain.leafAt(place.position)
    const receipt = receiptOf(this.options.database, place)
    return stored && receipt && equal(stored, leaf) ? { kind: 'known', receipt } : { kind: 'taken' }
  }

  /** Gives a message its position, unless it has one or may not have one. */
  add(candidate: Candidate): Added {
    const found = this.find(candidate)
    if (found !== undefined) return found
    const { envelope, author, sequence, leaf } = candidate
    if (this.#isFailed || this.#entries.length >= LIMITS.pendingMessages) return { kind: 'full' }
    if (this.options.mayWrite?.(author) === false) return { kind: 'limited' }
    const refusal = this.#judge(candidate)
    if (refusal !== undefined) return { kind: 'refused', refusal }
    const position = this.#start() + this.#entries.length
    this.#entries.push({ envelope, leaf, author, sequence, position, arrived: this.options.clock() })
    this.#inFlight.set(nameOf({ author, sequence }), leaf)
    this.#highest.add(author, sequence)
    this.#committing ??= this.#commitAll()
    return { kind: 'accepted' }
  }

  /** Durable messages that are in no block yet, and when the first of them came, by the monotonic clock. */
  pending(): { readonly count: number; readonly oldest: number } {
    return { count: this.#durable, oldest: this.#entries[0]?.arrived ?? 0 }
  }

  /** The first `count` pending messages. They stay until `release`. */
  take(count: number): DraftMessages {
    if (count > this.#durable) throw new RangeError(`${count} messages asked, ${this.#durable} pending`)
    const entries = this.#entries.slice(0, count)
    return {
      envelopes: entries.map(entry => entry.envelope),
      leaves: entries.map(entry => entry.leaf),
      ...(this.#state && { read: this.#state.first(count) })
    }
  }

  /** The durable messages that are in no block yet. */
  get durable(): readonly Positioned[] {
    return this.#entries.slice(0, this.#durable)
  }

  /** Called when the chain's head covers the first `count` pending messages. */
  release(count: number): void {
    this.#entries.splice(0, count)
    this.#durable -= count
    this.#state?.headMoved(count)
  }

  /** Resolves when all that was added is durable. */
  async close(): Promise<void> {
    await this.#committing
  }

  /** The position of the first entry: the head moves only together with `release`. */
  #start(): number {
    return this.#entries[0]?.position ?? this.options.chain.head().header.size
  }

  /** Why a message is not valid after all that came before it. */
  #judge(candidate: Candidate): Refusal | undefined {
    const { chain, sequencer } = this.options
    // Blocks bring something to their producer alone; others need not wait for it.
    if (equal(candidate.author, sequencer)) this.#state?.catchUp(chain.head().header.size - this.#start())
    return this.#state?.add(candidate)
  }

  async #commitAll(): Promise<void> {
    // A turn of the event loop gathers what arrives together into the first batch.
    await Promise.resolve()
    try {
      while (this.#durable < this.#entries.length) await this.#commit()
    } catch (error) {
      this.#isFailed = true
      this.options.failed(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#committing = undefined
    }
  }

  async #commit(): Promise<void> {
    const group = this.#entries.slice(this.#durable, this.#durable + LIMITS.journalBatch)
    const receipts = await this.options.journal.append(group)
    this.#durable += group.length
    for (const { author, sequence } of group) this.#inFlight.delete(nameOf({ author, sequence }))
    this.options.committed(receipts)
  }
}
