import { type EnvelopeBytes, equal } from '../core/bytes.js'
import type { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import type { Bringer } from '../core/shares.js'
import { type MessageRules, validateEnvelope } from '../core/validation.js'
import { type Candidate, type MessageName, nameOf } from './candidate.js'
import { MempoolShares, PASSED_ROOMS, POOL_ROOMS } from './mempool-shares.js'
import {
  type Database,
  hasLeaf,
  keys,
  placeOf,
  pooledDeletion,
  pooledWrite,
  ranges,
  type Write,
  writeDurably
} from './store.js'

export type Pooled =
  /** It waits for a block from now on. `Pool.stored` tells when it is on disk. */
  | { readonly kind: 'accepted' }
  /** It waits already, or stands in a block. */
  | { readonly kind: 'known' }
  /** Another message has its author and sequence. */
  | { readonly kind: 'taken' }
  /** Too many messages wait, or too many of those that one host has brought. */
  | { readonly kind: 'full' }
  /** Too many of those that wait were brought by this peer. */
  | { readonly kind: 'share' }

/** Whether a message that waits is passed on: already, from now on, or later, when there is room. */
export type Passing = 'already' | 'now' | 'later'

/** What becomes of waiting messages when the head moves. */
export interface PoolChange {
  /** By name, those that stood in blocks that have left the main chain, and stand in none that has joined it. */
  readonly returned: ReadonlyMap<string, Candidate>
  /** Names of those that stand on it now. */
  readonly ordered: ReadonlySet<string>
}

/**
 * Valid messages that wait for a block, in the order in which they came, where nobody gives them positions
 * beforehand. On disk too: what a reorg takes out of the chain comes back here in the same batch, so that
 * after a crash each message is in one of the two.
 */
export class Mempool {
  /** By name. */
  #waiting = new Map<string, Candidate>()
  #bytes = 0
  /** Of what came since this peer started. */
  readonly #shares = new MempoolShares(POOL_ROOMS)
  /** Of these, those that are passed on, on the share of a peer that brought them. */
  readonly #passed = new MempoolShares(PASSED_ROOMS)
  #unwritten: Candidate[] = []
  /** Those that are on disk, or may be, and are to wait no more. */
  #evicted: Candidate[] = []
  #writing: Promise<void> | undefined
  #failure: Error | undefined

  private constructor(
    private readonly database: Database,
    private readonly failed: (error: Error) => void
  ) {}

  /**
   * Reads and verifies what waited when the peer stopped; what is not valid any more is dropped. `failed` hears
   * once of what could not be written.
   */
  static async open(
    database: Database,
    rules: MessageRules,
    verifiers: VerifierCache,
    failed: (error: Error) => void
  ): Promise<Mempool> {
    const pool = new Mempool(database, failed)
    const dropped: Write[] = []
    for await (const [key, value] of database.iterator(ranges.pooled)) {
      const envelope = value as EnvelopeBytes
      const verdict = await validateEnvelope(envelope, rules, verifiers)
      const isWaiting = verdict.ok && placeOf(database, verdict.author, verdict.sequence) === undefined
      if (isWaiting && equal(key, keys.pooled(verdict.author, verdict.sequence)))
        pool.#put(nameOf(verdict), { envelope, ...verdict })
      else dropped.push({ type: 'del', key })
    }
    await writeDurably(database, dropped)
    return pool
  }

  get size(): number {
    return this.#waiting.size
  }

  /** What has this author and sequence already; undefined where nothing has. */
  find({ author, sequence, leaf }: Omit<Candidate, 'envelope'>): 'known' | 'taken' | undefined {
    const waiting = this.#waiting.get(nameOf({ author, sequence }))
    if (waiting !== undefined) return equal(waiting.leaf, leaf) ? 'known' : 'taken'
    const place = placeOf(this.database, author, sequence)
    if (place === undefined) return undefined
    return hasLeaf(this.database, leaf, place.position) ? 'known' : 'taken'
  }

  /** `bringer`: the peer that it came from; undefined where it is this peer's own. */
  add(candidate: Candidate, bringer?: Bringer): Pooled {
    const found = this.find(candidate)
    if (found !== undefined) return { kind: found }
    const isFull =
      this.#waiting.size >= LIMITS.pendingMessages ||
      this.#bytes + candidate.envelope.length > LIMITS.pooledBytes
    if (isFull || this.#failure !== undefined) return { kind: 'full' }
    const name = nameOf(candidate)
    const taken = bringer === undefined ? 'taken' : this.#shares.take(name, bringer, candidate)
    if (taken !== 'taken') return { kind: taken }
    this.#put(name, candidate)
    this.#unwritten.push(candidate)
    this.#write()
    return { kind: 'accepted' }
  }

  /**
   * Whether one that waits may be passed on, on the share of `bringer`, or of the peer that brought it first. What is this peer's
   * own, or came back from the chain, always is.
   */
  pass(candidate: Candidate, bringer?: Bringer): Passing {
    const name = nameOf(candidate)
    const brought = this.#shares.bringerOf(name)
    if (brought === undefined || this.#passed.bringerOf(name) !== undefined) return 'already'
    return this.#passed.take(name, bringer ?? brought, candidate) === 'taken' ? 'now' : 'later'
  }

  /** Whether some that wait are not passed on yet. */
  get holdsBack(): boolean {
    return this.#shares.size > this.#passed.size
  }

  /** Resolves when all that was accepted is on disk. Throws where it cannot be written. */
  async stored(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Those that wait, oldest first. */
  *waiting(): Iterable<Candidate> {
    // One that came while its block was being written is in both.
    for (const candidate of this.#waiting.values())
      if (placeOf(this.database, candidate.author, candidate.sequence) === undefined) yield candidate
  }

  /** The one that waits under this name. */
  waitingAs(name: MessageName): Candidate | undefined {
    return this.#waiting.get(nameOf(name))
  }

  isWaiting(name: string): boolean {
    return this.#waiting.has(name)
  }

  /** Called once what the head's move means for those that wait is on disk. What returns came before all of them. */
  settle({ returned, ordered }: PoolChange): void {
    for (const name of ordered) this.drop(name)
    if (returned.size === 0) return
    // Of two messages with one name the one that stood in a block goes on.
    for (const name of returned.keys()) this.drop(name)
    const later = this.#waiting
    this.#waiting = new Map()
    for (const [name, candidate] of returned) this.#put(name, candidate)
    for (const [name, candidate] of later) this.#waiting.set(name, candidate)
  }

  /** Gives a place up for others; from the disk, too, before long. */
  evict(candidate: Candidate): void {
    this.drop(nameOf(candidate))
    this.#evicted.push(candidate)
    this.#write()
  }

  /** Forgets one, such as one that no block can hold any more. Its entry on disk goes with the next start. */
  drop(name: string): void {
    const candidate = this.#waiting.get(name)
    if (candidate === undefined) return
    this.#waiting.delete(name)
    this.#shares.drop(name, candidate)
    this.#passed.drop(name, candidate)
    this.#bytes -= candidate.envelope.length
  }

  #put(name: string, candidate: Candidate): void {
    this.#waiting.set(name, candidate)
    this.#bytes += candidate.envelope.length
  }

  #write(): void {
    if (this.#failure === undefined) this.#writing ??= this.#writeAll()
  }

  /** A group commit: all that came while the last one was written goes into the next. */
  async #writeAll(): Promise<void> {
    await Promise.resolve()
    try {
      while (this.#unwritten.length > 0 || this.#evicted.length > 0) {
        const [group, evicted] = [this.#unwritten, this.#evicted]
        this.#unwritten = []
        this.#evicted = []
        await writeDurably(this.database, [
          ...evicted.filter(candidate => !this.#waiting.has(nameOf(candidate))).map(pooledDeletion),
          ...group.filter(candidate => this.#waiting.get(nameOf(candidate)) === candidate).map(pooledWrite)
        ])
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.failed(this.#failure)
    } finally {
      this.#writing = undefined
    }
  }
}
