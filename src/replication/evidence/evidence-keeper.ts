import { type Database, keys, ranges, StoreError, writeDurably } from '../../chain/store.js'
import type { SignedHeader } from '../../core/block.js'
import { equal, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import { describeError, type Report } from '../../core/events.js'
import type { Evidence } from '../../core/evidence.js'
import { type EvidenceShape, readEvidenceShape } from '../../core/evidence-shape.js'
import { sha256 } from '../../core/hash.js'
import { VerifierCache } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import type { Network } from '../../core/network.js'
import { RateLimiter } from '../../core/rate-limiter.js'
import { Recent } from '../../core/recent.js'
import type { Bringer } from '../../core/shares.js'
import { FairQueue } from '../../lifecycle/fair-queue.js'
import type { Service } from '../../lifecycle/service.js'
import type { GossipVerdict, Host } from '../../network/host.js'
import type { SequencerQueries } from '../../query/sequencer-queries.js'
import { readEvidence } from '../../validation/evidence-check.js'

export interface EvidenceKeeperOptions {
  readonly host: Pick<Host, 'subscribe' | 'unsubscribe' | 'publish' | 'bringerOf'>
  readonly topic: string
  readonly database: Database
  readonly network: Network
  /** A monotonic clock, ms. */
  readonly clock: () => number
  readonly report: Report
  /** Whether this block was checked whole here: then no piece against its log or its state holds, and none is looked at. */
  readonly isRight: (signed: SignedHeader) => boolean
  /** Called at each piece of evidence, those from earlier runs included: the sequencer is not to be followed. */
  readonly convicted: (evidence: Evidence) => void
  /** Hears of what must not happen. */
  readonly failed: (error: Error) => void
}

/** What came of a piece. `known`: so is the lie, by this piece or another one. `unseen`: nobody looked at it. */
type Outcome = 'kept' | 'known' | 'nothing' | 'unseen'

const VERDICTS: Record<Outcome, GossipVerdict> = {
  kept: 'accept',
  known: 'ignore',
  nothing: 'reject',
  unseen: 'later'
}

/** Keeps evidence on disk, tells of it once, and spreads it once, whoever has found it. */
export class EvidenceKeeper implements Service {
  readonly #stopping = new AbortController()
  readonly #verifiers = new VerifierCache()
  /** By the lie: one piece of each. */
  readonly #evidence = new Map<string, Evidence>()
  /** Pieces that proved nothing, by the SHA-256 of their bytes in hex. */
  readonly #alarms = new Recent(LIMITS.rememberedAlarms)
  /** To check a block with all its messages takes long, and anybody can show true blocks that prove nothing. */
  readonly #rates = new RateLimiter(LIMITS.evidenceRate, LIMITS.rememberedRates)
  /** Names are free: all neighbours of one host have this together. */
  readonly #hostRates = new RateLimiter(LIMITS.evidenceRateOfHost, LIMITS.rememberedRates)
  readonly #queue = new FairQueue({ own: LIMITS.evidence, others: LIMITS.waitingEvidence })
  #writing: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: EvidenceKeeperOptions) {}

  /** Takes up again what it knew. Throws StoreError where a piece is not what was written. */
  async start(): Promise<void> {
    const { database, host, topic } = this.options
    for (const [key, bytes] of await database.iterator(ranges.evidence).all()) {
      if (!equal(key, keys.evidence(sha256(bytes)))) throw new StoreError('a piece of evidence is damaged')
      await this.#takeUp(key, bytes)
    }
    host.subscribe(topic, async (from, data) => VERDICTS[await this.#hear(from, data)], { sideBySide: true })
  }

  /** Looks at a stored piece again: an earlier version may have believed more than it proves. */
  async #takeUp(key: Uint8Array, bytes: Uint8Array): Promise<void> {
    const { database, network, report } = this.options
    try {
      const evidence = await readEvidence(bytes, network, this.#verifiers)
      if (!this.#evidence.has(toHex(evidence.id))) this.#remember(evidence)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      await writeDurably(database, [{ type: 'del', key }])
      const message = `a stored piece of evidence proves nothing (${error.message}); it was removed, and convicts nobody any more`
      report({ event: 'warning', message })
    }
  }

  /** What was found here is looked at before this resolves, and what others brought is let go. */
  async stop(): Promise<void> {
    this.options.host.unsubscribe(this.options.topic)
    this.#stopping.abort(new Error('the peer is stopping'))
    await this.#queue.stop()
    await this.#writing
  }

  /** All that is known, in the bytes that others can check. */
  all(): readonly Evidence[] {
    return [...this.#evidence.values()]
  }

  /**
   * Takes what a neighbour knows that was spread while this one was away; nothing is asked of one that may bring nothing.
   * A neighbour that does not answer has none to give.
   */
  ask(asker: Pick<SequencerQueries, 'peer' | 'evidencePieces'>): void {
    if (!this.#isWithinRates(this.options.host.bringerOf(asker.peer))) return
    this.#takeAll(asker.peer, unlessItFails(asker.evidencePieces())).catch(this.options.failed)
  }

  /** Looks at what was found here, in its turn. */
  suspect(bytes: Uint8Array): void {
    this.add(bytes).catch(this.options.failed)
  }

  /** Keeps and spreads what holds; false where it proves nothing. No false alarm leaves this peer. */
  async add(bytes: Uint8Array): Promise<boolean> {
    const outcome = this.#known(bytes) ?? (await this.#queue.own(() => this.#look(bytes))) ?? 'unseen'
    if (outcome === 'kept') this.#spread(bytes)
    return outcome === 'kept' || outcome === 'known'
  }

  /** An honest peer has none that prove nothing: after one of those the others are not read. */
  async #takeAll(from: PeerIdBytes, all: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const bytes of all) {
      const outcome = await this.#hear(from, bytes)
      if (outcome === 'kept') this.#spread(bytes)
      if (outcome === 'nothing' || outcome === 'unseen') return
    }
  }

  /**
   * What is past the neighbour's rate, or the queue, is not looked at, and is taken from any other neighbour: nobody can
   * suppress evidence by bringing it first.
   */
  async #hear(from: PeerIdBytes, bytes: Uint8Array): Promise<Outcome> {
    const bringer = this.options.host.bringerOf(from)
    // Before the piece is read: it may be long.
    if (!this.#isWithinRates(bringer)) return 'unseen'
    // What is known takes nothing of the rates. A peer that passes on nothing else has no more of it than is kept.
    const known = this.#known(bytes)
    if (known !== undefined) return known
    this.#rates.take(bringer.peer, this.options.clock())
    this.#hostRates.take(bringer.host, this.options.clock())
    const { signal } = this.#stopping
    return (await this.#queue.of(bringer, () => this.#look(bytes, signal))) ?? 'unseen'
  }

  #isWithinRates({ peer, host }: Bringer): boolean {
    const now = this.options.clock()
    return this.#rates.hasOne(peer, now) && this.#hostRates.hasOne(host, now)
  }

  /** Of what need not be looked at: no signature, no proof. */
  #known(bytes: Uint8Array): Outcome | undefined {
    if (this.#evidence.size >= LIMITS.evidence) return 'known'
    if (this.#alarms.has(toHex(sha256(bytes)))) return 'nothing'
    const shape = shapeOf(bytes)
    if (shape === undefined) return 'nothing'
    return this.#evidence.has(toHex(shape.id)) ? 'known' : undefined
  }

  /** Throws DecodeError where it is about a block that was checked here whole: to check it again would take long. */
  #expectUnchecked(shape: EvidenceShape): void {
    if ((shape.kind === 'log' || shape.kind === 'state') && this.options.isRight(shape.child))
      throw new DecodeError('evidence: the block was checked here before, and is right')
  }

  /** `signal`: fires where it need not be known any more. */
  async #look(bytes: Uint8Array, signal?: AbortSignal): Promise<Outcome> {
    // The same may have been looked at while this waited.
    const known = this.#known(bytes)
    if (known !== undefined) return known
    const { network } = this.options
    try {
      this.#expectUnchecked(readEvidenceShape(bytes))
      this.#keep(await readEvidence(bytes, network, this.#verifiers, { ...(signal && { signal }) }))
      return 'kept'
    } catch (error) {
      if (signal?.aborted) return 'unseen'
      if (!(error instanceof DecodeError)) throw error
      this.#alarms.add(toHex(sha256(bytes)))
      return 'nothing'
    }
  }

  #keep(evidence: Evidence): void {
    const { database, report } = this.options
    this.#writing = Promise.all([
      this.#writing,
      writeDurably(database, [
        { type: 'put', key: keys.evidence(sha256(evidence.bytes)), value: evidence.bytes }
      ])
    ]).catch((error: unknown) =>
      report({ event: 'warning', message: `the evidence was not written: ${describeError(error)}` })
    )
    this.#remember(evidence)
  }

  #remember(evidence: Evidence): void {
    const { report, convicted } = this.options
    this.#evidence.set(toHex(evidence.id), evidence)
    const { id, kind, height, detail } = evidence
    report({ event: 'evidence', id, kind, height, detail })
    convicted(evidence)
  }

  #spread(bytes: Uint8Array): void {
    const { host, topic, report } = this.options
    host
      .publish(topic, bytes)
      .catch((error: unknown) =>
        report({ event: 'warning', message: `the evidence was not spread: ${describeError(error)}` })
      )
  }
}

/** Ends where the source fails. */
async function* unlessItFails(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* pieces
  } catch {
    // What has come before is looked at all the same.
  }
}

/** Undefined where it cannot be read, or its parts do not fit together. */
function shapeOf(bytes: Uint8Array): EvidenceShape | undefined {
  try {
    return readEvidenceShape(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
