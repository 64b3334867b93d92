import { advance, type Cursor, checkHeader, link, type Place } from '../chain/cursor.js'
import type { Block, CheckpointedHeader } from '../core/block.js'
import type { VerifierCache } from '../core/keys.js'
import { type MessageRules, validateEnvelope } from '../core/validation.js'
import type { Rules } from '../rules/rules.js'
import { messageRules } from '../validation/message-rules.js'
import { decided, InvalidAnswer, needsState } from './query-errors.js'

/** Judges blocks that a peer shows, with all their messages. Throws Untrue with what is wrong. */
export class BlockVerifier {
  readonly #messageRules: MessageRules

  constructor(
    private readonly rules: Rules,
    private readonly verifiers: VerifierCache,
    private readonly now: () => number
  ) {
    this.#messageRules = messageRules(rules)
  }

  /** The place after a block. */
  async advance(cursor: Cursor, block: Block): Promise<Cursor> {
    const advanced = advance(cursor, block, this.rules, this.now())
    if (!advanced.ok) throw InvalidAnswer.fault(advanced.fault)
    await this.#expectMessages(block)
    return advanced.cursor
  }

  /**
   * The place after a block. The state before it is known only to a peer that followed the chain, or where it never changes.
   */
  async expectNext(place: Place, block: Block): Promise<Place> {
    const { application } = this.rules
    if (application.isStateless)
      return this.advance({ ...place, weight: 0n, state: application.genesis() }, block)
    const linked = link(place, block, this.rules, this.now())
    if (linked === 'needs state') throw needsState(block.signed.header.height)
    if (!linked.ok) throw InvalidAnswer.fault(linked.fault)
    await this.#expectMessages(block)
    return linked.place
  }

  /** A header as the next one of a place, whatever its messages are. */
  expectLinked(place: Pick<Place, 'signed' | 'ancestors'>, signed: CheckpointedHeader): void {
    const fault = decided(checkHeader(place, signed, this.rules, this.now()), signed.header.height)
    if (fault !== undefined) throw InvalidAnswer.fault(fault)
  }

  async #expectMessages({ signed: { header }, envelopes }: Block): Promise<void> {
    for (const [index, envelope] of envelopes.entries()) {
      const verdict = await validateEnvelope(envelope, this.#messageRules, this.verifiers)
      if (verdict.ok) continue
      throw InvalidAnswer.fault({
        kind: 'message',
        height: header.height,
        position: header.size - header.count + index,
        detail: verdict.refusal.detail
      })
    }
  }
}
