import { type Database, expectStored, keys, ranges, StoreError, writeDurably } from '../chain/store.js'
import { equal, type PeerIdBytes, toHex } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import type { Evidence } from '../core/evidence.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import type { Network } from '../core/network-document.js'
import { RateLimiter } from '../core/rate-limiter.js'
import type { GossipVerdict, Host } from '../network/host.js'
import { describeError, type Report } from './events.js'
import { readEvidence } from './evidence-check.js'
import type { SequencerAsker } from './sequencer-asker.js'
import type { Service } from './service.js'

export interface EvidenceKeeperOptions {
  readonly host: Pick<Host, 'subscribe' | 'unsubscribe' | 'publish'>
  readonly topic: string
  readonly database: Database
  readonly network: Network
  /** A monotonic clock, ms. */
  readonly clock: () => number
  readonly report: Report
  /** Called at each piece of evidence, those from earlier runs included: the sequencer is not to be followed. */
  readonly convicted: (evidence: Evidence) => void
}

/** Keeps evidence on disk, tells of it once, and spreads it once, whoever has found it. */
export class EvidenceKeeper implements Service {
  readonly #verifiers = new VerifierCache()
  readonly #evidence = new Map<string, Evidence>()
  /** To check a block with all its messages takes long, and anybody can show true blocks that prove nothing. */
  readonly #rates = new RateLimiter(LIMITS.evidenceRate, LIMITS.rememberedRates)
  #writing: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: EvidenceKeeperOptions) {}

  /** Takes up again what it knew. */
  async start(): Promise<void> {
    const { database, host, topic } = this.options
    for await (const [key, bytes] of database.iterator(ranges.evidence)) {
      // Looked at again: what convicts somebody must hold on its own.
      const evidence = expectStored('a piece of evidence', () => this.#check(bytes))
      if (!equal(key, keys.evidence(evidence.id))) throw new StoreError('a piece of evidence is damaged')
      this.#remember(evidence)
    }
    host.subscribe(topic, (from, data) => this.#hear(from, data))
  }

  async stop(): Promise<void> {
    this.options.host.unsubscribe(this.options.topic)
    await this.#writing
  }

  /** All that is known, in the bytes that others can check. */
  all(): readonly Evidence[] {
    return [...this.#evidence.values()]
  }

  /** Takes what a peer knows that was spread while this one was away. Who does not answer has none to give. */
  ask(asker: SequencerAsker): void {
    asker.evidence().then(
      all => {
        for (const { bytes } of all) this.add(bytes)
      },
      () => undefined
    )
  }

  /** Keeps and spreads what holds; false where it proves nothing. No false alarm leaves this peer. */
  add(bytes: Uint8Array): boolean {
    try {
      const evidence = this.#check(bytes)
      if (this.#keep(evidence)) this.#spread(bytes)
      return true
    } catch (error) {
      if (error instanceof DecodeError) return false
      throw error
    }
  }

  #hear(from: PeerIdBytes, data: Uint8Array): GossipVerdict {
    // Who passes on nothing else has no more of it than is kept.
    if (!this.#rates.take(toHex(from), this.options.clock())) return 'ignore'
    try {
      return this.#keep(this.#check(data)) ? 'accept' : 'ignore'
    } catch {
      return 'reject'
    }
  }

  #check(bytes: Uint8Array): Evidence {
    return readEvidence(bytes, this.options.network, this.#verifiers)
  }

  /** False where it is known, or where there is enough already. */
  #keep(evidence: Evidence): boolean {
    const { database, report } = this.options
    if (this.#evidence.has(toHex(evidence.id)) || this.#evidence.size >= LIMITS.evidence) return false
    this.#writing = Promise.all([
      this.#writing,
      writeDurably(database, [{ type: 'put', key: keys.evidence(evidence.id), value: evidence.bytes }])
    ]).catch((error: unknown) =>
      report({ event: 'warning', message: `the evidence was not written: ${describeError(error)}` })
    )
    this.#remember(evidence)
    return true
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
