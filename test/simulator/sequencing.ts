import type { Candidate } from '#src/chain/candidate.js'
import { Journal } from '#src/chain/journal.js'
import { signHeader } from '#src/core/block.js'
import type { EnvelopeBytes } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { messageRules } from '#src/validation/message-rules.js'
import type { BlockGossip } from './block-gossip.js'
import type { Duty } from './peer.js'

/** What the sequencer does, with its real journal: orders messages, gives receipts, and cuts blocks as they fall due. */
export class Sequencing implements Duty {
  #journal: Journal | undefined

  constructor(private readonly gossip: BlockGossip) {}

  async started(): Promise<void> {
    const { chain, database, signer, surroundings } = this.gossip.peer
    if (chain === undefined) return
    const { time, rules, violations } = surroundings
    const options = {
      database,
      chain,
      signer,
      now: () => time.clock,
      clock: () => time.clock,
      committed: () => undefined,
      failed: (error: Error) => violations.add('reopened', 'the sequencer', error.message)
    }
    this.#journal = await Journal.open(options, messageRules(rules), new VerifierCache())
    await this.#produce()
  }

  stopping(): void {
    this.#journal = undefined
  }

  /** Messages that are in no block yet. */
  get pending(): number {
    return this.#journal?.pending().count ?? 0
  }

  /** The receipt, once the message is on disk; undefined where it gets none, or while the sequencer is away. */
  async submit(message: Candidate): Promise<EnvelopeBytes | undefined> {
    const journal = this.#journal
    if (journal === undefined) return undefined
    journal.append(message)
    await journal.close()
    const found = journal.find(message)
    await this.#produce()
    return found?.kind === 'known' ? found.receipt : undefined
  }

  async #produce(): Promise<void> {
    const { peer } = this.gossip
    const { time, rules, blocks } = peer.surroundings
    for (;;) {
      const journal = this.#journal
      const { chain } = peer
      if (journal === undefined || chain === undefined) return
      const { count, oldest } = journal.pending()
      const due = rules.ordering.due(chain.head().header, count, oldest, time.clock)
      if (due === undefined) return this.#comeBack(count, oldest)
      const draft = chain.draft(journal.take(due), peer.signer.peerId, time.clock)
      const signed = signHeader(draft.header, peer.signer, rules.ordering)
      await chain.append(draft, signed)
      journal.release(due)
      this.gossip.publish(blocks.add({ signed, envelopes: draft.envelopes }, time.now))
    }
  }

  /** Looks again when the oldest pending message is old enough for a shorter block. */
  #comeBack(pending: number, oldest: number): void {
    const { time, rules } = this.gossip.peer.surroundings
    const { maxPendingAge } = rules.ordering
    if (pending > 0 && maxPendingAge !== undefined)
      time.after(oldest + maxPendingAge - time.clock, () => this.#produce())
  }
}
