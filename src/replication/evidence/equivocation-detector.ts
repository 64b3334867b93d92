import type { Chain } from '../../chain/chain.js'
import type { Block, SignedHeader } from '../../core/block.js'
import { type EnvelopeBytes, equal, type Hash } from '../../core/bytes.js'
import {
  brokenChainEvidence,
  brokenLogEvidence,
  brokenReceiptEvidence,
  forkEvidence
} from '../../core/evidence.js'
import { LIMITS } from '../../core/limits.js'
import { leafHash } from '../../core/merkle.js'
import type { Receipt } from '../../core/receipt.js'
import { stateEvidence } from '../../validation/evidence-check.js'

interface Promised {
  readonly leaf: Hash
  readonly receipt: EnvelopeBytes
}

/** Compares all that the sequencer signs, as far as it comes by here: blocks with the chain, receipts with blocks. */
export class EquivocationDetector {
  /** Receipts whose positions are in no block yet. */
  readonly #promised = new Map<number, readonly Promised[]>()
  /** Headers above the chain, by their heights. */
  readonly #ahead = new Map<number, SignedHeader>()

  constructor(
    private readonly chain: Chain,
    /** Hears of what may be evidence. */
    private readonly suspect: (evidence: Uint8Array) => void
  ) {}

  /** A header whose signature has been checked. */
  examine(signed: SignedHeader): void {
    const { chain } = this
    const { height, parent } = signed.header
    if (height < 1) return
    const ours = chain.headerAt(height)
    if (ours !== undefined) {
      this.#expectSame(ours, signed)
      return
    }
    const known = this.#ahead.get(height)
    if (known !== undefined) this.#expectSame(known, signed)
    else this.#lookOutFor(signed)
    // The genesis is nobody's word: whoever names another parent at height 1 is in another network.
    const before = height > 1 ? chain.headerAt(height - 1) : undefined
    if (before !== undefined && !equal(before.id, parent)) this.suspect(brokenChainEvidence(before, signed))
  }

  /** A block that is not valid here, though its header is signed. Its messages may have been exchanged on the way. */
  examineBlock({ signed, envelopes }: Block): void {
    const { chain } = this
    this.examine(signed)
    const { height, parent } = signed.header
    const before = chain.headerAt(height - 1)
    if (before === undefined || !equal(before.id, parent)) return
    const { peaks } = chain.frontierAt(before.header.size)
    const signedParent = height > 1 ? before : undefined
    this.suspect(brokenLogEvidence(signedParent, signed, peaks, envelopes.map(leafHash)))
    const kept = chain.stateAt(height - 1)
    const broken = kept && stateEvidence(chain.rules, before, kept.state, { signed, envelopes })
    if (broken !== undefined) this.suspect(broken)
  }

  /** A receipt whose signature has been checked. */
  heard(receipt: Receipt, envelope: EnvelopeBytes): void {
    const { size } = this.chain.head().header
    for (const { position, leaf } of receipt.entries) {
      if (position < size) this.#compare(position, { leaf, receipt: envelope })
      else this.#remember(position, { leaf, receipt: envelope })
      if (this.#promised.size > LIMITS.rememberedReceipts) {
        const [oldest] = this.#promised.keys()
        if (oldest !== undefined) this.#promised.delete(oldest)
      }
    }
  }

  /** The chain has grown by a block. */
  extended(signed: SignedHeader): void {
    const { header } = signed
    const known = this.#ahead.get(header.height)
    this.#ahead.delete(header.height)
    if (known !== undefined) this.#expectSame(signed, known)
    for (let position = header.size - header.count; position < header.size; position += 1) {
      const promised = this.#promised.get(position) ?? []
      this.#promised.delete(position)
      for (const each of promised) this.#compare(position, each)
    }
  }

  /** Until the chain has come so far. */
  #lookOutFor(signed: SignedHeader): void {
    this.#ahead.set(signed.header.height, signed)
    if (this.#ahead.size <= LIMITS.rememberedHeaders) return
    const [oldest] = this.#ahead.keys()
    if (oldest !== undefined) this.#ahead.delete(oldest)
  }

  /** Two headers of one height. */
  #expectSame(ours: SignedHeader, other: SignedHeader): void {
    if (!equal(ours.id, other.id)) this.suspect(forkEvidence(ours, other))
  }

  /** Of two promises for one position a block breaks one, whichever it keeps: more need not be known. */
  #remember(position: number, promised: Promised): void {
    const known = this.#promised.get(position) ?? []
    if (known.length < 2 && !known.some(({ leaf }) => equal(leaf, promised.leaf)))
      this.#promised.set(position, [...known, promised])
  }

  #compare(position: number, { leaf, receipt }: Promised): void {
    const stands = this.chain.leafAt(position)
    if (stands === undefined || equal(stands, leaf)) return
    const proven = this.chain.inclusion(position)
    if (proven !== undefined) this.suspect(brokenReceiptEvidence(receipt, proven))
  }
}
