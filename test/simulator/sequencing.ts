import type { Candidate } from '#src/chain/candidate.js'
import { LevelJournal } from '#src/chain/level-journal.js'
import { PendingQueue } from '#src/chain/pending-queue.js'
import { ReceiptIssuer } from '#src/chain/receipts.js'
import { signHeader } from '#src/core/block.js'
import type { EnvelopeBytes } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { messageRules } from '#src/validation/message-rules.js'
import type { BlockGossip } from './block-gossip.js'
import type { Duty } from './peer.js'

/** What the sequencer does, with its real journal: orders messages, gives receipts, and cuts blocks as they fall due. */
export class Sequencing implements Duty {
  #journal: LevelJournal | undefined
  #queue: PendingQueue | undefined

  constructor(private readonly gossip: BlockGossip) {}

  async started(): Promise<void> {
    const { chain, database, signer, surroundings } = this.gossip.peer
    if (chain === undefined) return
    const { time, rules, violations } = surroundings
    const now = (): number => time.clock
    this.#journal = await LevelJournal.open(
      database,
      new ReceiptIssuer({ network: rules.network.id, signer, now })
    )
    const options = {
      journal: this.#journal,
      database,
      chain,
      sequencer: signer.peerId,
      now,
      clock: () => time.clock,
      committed: () => undefined,
      failed: (error: Error) => violations.add('reopened', 'the sequencer', error.message)
    }
    this.#queue = await PendingQueue.open(options, messageRules(rules), new VerifierCache())
    await this.#produce()
  }

  stopping(): void {
    this.#journal = undefined
    this.#queue = undefined
  }

  /** Messages that are in no block yet. */
  get pending(): number {
    return this.#queue?.pending().count ?? 0
  }

  /** The receipt, once the message is on disk; undefined where it gets none, or while the sequencer is away. */
  async submit(message: Candidate): Promise<EnvelopeBytes | undefined> {
    const queue = this.#queue
    if (queue === undefined) return undefined
    queue.add(message)
    await queue.close()
    const found = queue.find(message)
    await this.#produce()
    return found?.kind === 'known' ? found.receipt : undefined
  }

  async #produce(): Promise<void> {
    const { peer } = this.gossip
    const { time, rules, blocks } = peer.surroundings
    for (;;) {
      const [journal, queue] = [this.#journal, this.#queue]
      const { chain } = peer
      if (journal === undefined || queue === undefined || chain === undefined) return
      const { count, oldest } = queue.pending()
      const due = rules.ordering.due(chain.head().header, count, oldest, time.clock)
      if (due === undefined) return this.#comeBack(count, oldest)
      const draft = chain.draft(queue.take(due), peer.signer.peerId, time.clock)
      const signed = signHeader(draft.header, peer.signer, rules.ordering)
      await chain.append(draft, signed, writes => journal.cut(signed, writes))
      queue.release(due)
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
