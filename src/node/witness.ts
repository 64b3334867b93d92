import type { Chain } from '../chain/chain.js'
import { type Database, keys, ranges, writeDurably } from '../chain/store.js'
import type { SignedHeader } from '../core/block.js'
import { type EnvelopeBytes, equal, type Hash, toHex } from '../core/bytes.js'
import {
  brokenChainEvidence,
  brokenReceiptEvidence,
  checkEvidence,
  type Evidence,
  forkEvidence
} from '../core/evidence.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import type { Receipt } from '../core/receipt.js'
import type { GossipVerdict, Host } from '../network/host.js'
import { describeError, type Report } from './events.js'
import type { Service } from './service.js'

export interface WitnessOptions {
  readonly host: Host
  readonly topic: string
  readonly database: Database
  readonly chain: Chain
  readonly report: Report
  /** Called at the first piece of evidence, and at a start with some: the sequencer is not to be followed. */
  readonly convicted: () => void
}

/**
 * Compares all that the sequencer signs, as far as it comes by here: blocks with the chain, receipts with
 * blocks. Evidence is kept on disk, told once, and spread once, whoever has found it.
 */
export class Witness implements Service {
  readonly #verifiers = new VerifierCache()
  readonly #evidence = new Map<string, Evidence>()
  /** Receipts whose positions are in no block yet. */
  readonly #promised = new Map<number, { readonly leaf: Hash; readonly receipt: EnvelopeBytes }>()
  #writing: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: WitnessOptions) {}

  /** Takes up again what it knew. */
  async start(): Promise<void> {
    const { database, host, topic, chain } = this.options
    for await (const bytes of database.values(ranges.evidence)) {
      // Looked at again: what convicts somebody must hold on its own.
      const evidence = checkEvidence(bytes, chain.rules.network, this.#verifiers)
      this.#remember(evidence)
    }
    host.subscribe(topic, (_, data) => this.#hear(data))
  }

  async stop(): Promise<void> {
    this.options.host.unsubscribe(this.options.topic)
    await this.#writing
  }

  /** All that is known, in the bytes that others can check. */
  all(): readonly Evidence[] {
    return [...this.#evidence.values()]
  }

  /** A header whose signature has been checked. */
  examine(signed: SignedHeader): void {
    const { chain } = this.options
    const { height, parent } = signed.header
    if (height < 1) return
    const ours = chain.headerAt(height)
    if (ours !== undefined) {
      if (!equal(ours.id, signed.id)) this.#convict(forkEvidence(ours, signed))
      return
    }
    // The genesis is nobody's word: whoever names another parent at height 1 is in another network.
    const before = height > 1 ? chain.headerAt(height - 1) : undefined
    if (before !== undefined && !equal(before.id, parent)) this.#convict(brokenChainEvidence(before, signed))
  }

  /** A receipt whose signature has been checked. */
  heard(receipt: Receipt, envelope: EnvelopeBytes): void {
    const { size } = this.options.chain.head().header
    for (const { position, leaf } of receipt.entries) {
      const promised = this.#promised.get(position)
      if (position < size) this.#compare(position, leaf, envelope)
      else if (promised === undefined) this.#promised.set(position, { leaf, receipt: envelope })
      if (this.#promised.size > LIMITS.rememberedReceipts) {
        const [oldest] = this.#promised.keys()
        if (oldest !== undefined) this.#promised.delete(oldest)
      }
    }
  }

  /** The chain has grown by a block. */
  extended({ header }: SignedHeader): void {
    for (let position = header.size - header.count; position < header.size; position += 1) {
      const promised = this.#promised.get(position)
      if (promised === undefined) continue
      this.#promised.delete(position)
      this.#compare(position, promised.leaf, promised.receipt)
    }
  }

  #compare(position: number, leaf: Hash, receipt: EnvelopeBytes): void {
    const proven = this.options.chain.inclusion(position)
    if (proven !== undefined && !equal(proven.leaf, leaf))
      this.#convict(brokenReceiptEvidence(receipt, proven))
  }

  #hear(data: Uint8Array): GossipVerdict {
    try {
      const evidence = checkEvidence(data, this.options.chain.rules.network, this.#verifiers)
      return this.#keep(evidence) ? 'accept' : 'ignore'
    } catch {
      return 'reject'
    }
  }

  #convict(bytes: Uint8Array): void {
    // By the same check that others make: no false alarm leaves this peer.
    const evidence = checkEvidence(bytes, this.options.chain.rules.network, this.#verifiers)
    if (this.#keep(evidence)) this.#spread(bytes)
  }

  /** False where it is known, or where there is enough already. */
  #keep(evidence: Evidence): boolean {
    const { database, report } = this.options
    if (this.#evidence.has(toHex(evidence.id)) || this.#evidence.size >= LIMITS.evidence) return false
    this.#remember(evidence)
    this.#writing = Promise.all([
      this.#writing,
      writeDurably(database, [{ type: 'put', key: keys.evidence(evidence.id), value: evidence.bytes }])
    ]).catch((error: unknown) =>
      report({ event: 'warning', message: `the evidence was not written: ${describeError(error)}` })
    )
    return true
  }

  #remember(evidence: Evidence): void {
    const { report, convicted } = this.options
    this.#evidence.set(toHex(evidence.id), evidence)
    const { id, kind, height, detail } = evidence
    report({ event: 'evidence', id, kind, height, detail })
    convicted()
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
