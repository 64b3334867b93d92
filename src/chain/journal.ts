import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import type { Signer, VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { provenSigner } from '../core/proven-signer.js'
import { type Receipt, readReceipt } from '../core/receipt.js'
import type { Refusal } from '../core/refusal.js'
import type { MessageRules } from '../core/validation.js'
import { type Candidate, nameOf } from './candidate.js'
import type { Chain } from './chain.js'
import type { DraftMessages } from './cursor.js'
import { HighestSequences } from './highest-sequences.js'
import { expectReceiptsIndexed } from './indexes.js'
import { type PendingMessage, pendingMessages } from './pending.js'
import { PendingState } from './pending-state.js'
import { type IssuedReceipt, type Positioned, receiptedWrites } from './receipted.js'
import { type Database, placeOf, receiptOf, writeDurably } from './store.js'

interface Entry extends Positioned {
  /** When it came, by the monotonic clock; below 0 where that was in an earlier run. */
  readonly arrived: number
}

export type Appended =
  /** It has a position; its receipt comes once it is on disk. */
  | { readonly kind: 'accepted' }
  /** It is on disk since before; here is its receipt once more. */
  | { readonly kind: 'known'; readonly receipt: EnvelopeBytes }
  /** Another message has its author and sequence. */
  | { readonly kind: 'taken' }
  /** It is not valid after all that came before it. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Its author writes too fast. */
  | { readonly kind: 'limited' }
  /** Too many messages wait for a block or for the disk. */
  | { readonly kind: 'full' }

export interface JournalOptions {
  readonly database: Database
  readonly chain: Chain
  readonly signer: Signer
  /** ms since 1970. */
  readonly now: () => number
  /** A monotonic clock, ms: the age of what waits for a block is measured by it. */
  readonly clock: () => number
  /** Asked before a new message gets its position: whether its author may write one more now. Left out: always. */
  readonly mayWrite?: (author: PeerIdBytes) => boolean
  /** Hears of each batch once it is on disk, before `committed` does. Nothing of it leaves before this resolves. */
  readonly mark?: (messages: readonly Positioned[]) => Promise<void>
  /** Hears of each batch once it is on disk, and marked. */
  readonly committed: (receipts: readonly IssuedReceipt[]) => void
  /** Hears of a write that failed, once. The journal takes nothing more: a restart tells what is on disk. */
  readonly failed: (error: Error) => void
}

/**
 * Order of arrival, made durable. `append` hands out positions at once and in the order of its calls; a
 * group commit writes all that came meanwhile as one synced batch: messages, indexes and their signed
 * receipts together. Receipts leave only after that. After a crash the messages on disk are exactly those
 * below some position, each with its receipt: a longer run than what was announced, never a shorter one.
 *
 * This is the narrow seam where a replicated log could stand instead.
 */
export class Journal {
  /** Positions from the head's size on, in order. The first `#durable` of them are on disk. */
  #entries: Entry[] = []
  #durable = 0
  readonly #inFlight = new Map<string, Hash>()
  #highest = new HighestSequences()
  readonly #state: PendingState | undefined
  readonly #proven: Signer
  #committing: Promise<void> | undefined
  #isFailed = false

  private constructor(private readonly options: JournalOptions) {
    this.#state = PendingState.after(options.chain)
    this.#proven = provenSigner(options.signer)
  }

  /** Reads and verifies the messages that were on disk but in no block yet. Throws StoreError. */
  static async open(
    options: JournalOptions,
    rules: MessageRules,
    verifiers: VerifierCache
  ): Promise<Journal> {
    const journal = new Journal(options)
    const { database, chain, signer } = options
    const start = journal.#start()
    const read = (receipt: Uint8Array): Receipt =>
      readReceipt(receipt, chain.rules.network.id, signer.peerId, verifiers)
    const state = journal.#state
    const waiting: PendingMessage[] = []
    for await (const message of pendingMessages({
      database,
      start,
      rules,
      verifiers,
      state,
      readReceipt: read
    }))
      waiting.push(message)
    const receipted = new Map<number, number>()
    journal.#highest = await expectReceiptsIndexed(database, start + waiting.length, bytes => {
      const receipt = read(bytes)
      for (const { position } of receipt.entries) if (position >= start) receipted.set(position, receipt.time)
      return receipt
    })
    journal.#hold(waiting, receipted)
    return journal
  }

  /** Their ages go on over a restart, as far as the clock was not set back meanwhile. `receipted`: when, by position. */
  #hold(waiting: readonly PendingMessage[], receipted: ReadonlyMap<number, number>): void {
    const { now, clock } = this.options
    this.#entries = waiting.map(message => {
      const age = Math.max(0, now() - (receipted.get(message.position) ?? now()))
      return { ...message, arrived: clock() - age }
    })
    this.#durable = waiting.length
  }

  /** What became of a message when it came before; undefined where nothing has its author and sequence. */
  find({ author, sequence, leaf }: Omit<Candidate, 'envelope'>): Appended | undefined {
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
  append(candidate: Candidate): Appended {
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

  /** Messages on disk that are in no block yet, and when the first of them came, by the monotonic clock. */
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

  /** Those on disk that are in no block yet. */
  get waiting(): readonly Positioned[] {
    return this.#entries.slice(0, this.#durable)
  }

  /** Called when the chain's head covers the first `count` pending messages. */
  release(count: number): void {
    this.#entries.splice(0, count)
    this.#durable -= count
    this.#state?.headMoved(count)
  }

  /** Resolves when all that was appended is on disk. */
  async close(): Promise<void> {
    await this.#committing
  }

  /** The position of the first entry: the head moves only together with `release`. */
  #start(): number {
    return this.#entries[0]?.position ?? this.options.chain.head().header.size
  }

  /** Why a message is not valid after all that came before it. */
  #judge(candidate: Candidate): Refusal | undefined {
    const { chain, signer } = this.options
    // Blocks bring something to their producer alone; others need not wait for it.
    if (equal(candidate.author, signer.peerId)) this.#state?.catchUp(chain.head().header.size - this.#start())
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
    const { chain, signer, now, database, mark } = this.options
    const signers = { signer, proven: this.#proven }
    const { writes, receipts } = receiptedWrites(group, chain.rules.network.id, now(), signers)
    await writeDurably(database, writes)
    await mark?.(group)
    // From here on a crash loses none of the group.
    this.#durable += group.length
    for (const { author, sequence } of group) this.#inFlight.delete(nameOf({ author, sequence }))
    this.options.committed(receipts)
  }
}
