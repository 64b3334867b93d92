import { Chain } from '#src/chain/chain.js'
import type { Journal } from '#src/chain/journal.js'
import { LevelJournal } from '#src/chain/level-journal.js'
import { PendingQueue } from '#src/chain/pending-queue.js'
import { type IssuedReceipt, ReceiptIssuer } from '#src/chain/receipts.js'
import type { Database } from '#src/chain/store.js'
import { signHeader } from '#src/core/block.js'
import { type EnvelopeBytes, toHex } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { type ReceiptEntry, readReceipt } from '#src/core/receipt.js'
import { Opener } from '#src/core/sealing.js'
import { messageRules } from '#src/validation/message-rules.js'
import { EPOCH } from './blocks.js'
import { Changes, PATIENCE } from './changes.js'
import type { TestNetwork } from './networks.js'

export interface LogReceipt extends ReceiptEntry {
  readonly bytes: EnvelopeBytes
}

/** Time stands still. */
export function receiptIssuer({ network, signer }: Pick<TestNetwork, 'network' | 'signer'>): ReceiptIssuer {
  return new ReceiptIssuer({ network: network.id, signer, now: () => EPOCH })
}

/** A sequencer's chain, journal and pending messages on a real database, without a network around them. */
export class TestLog extends Changes {
  /** By leaf in hex: the receipts that were issued since the log was opened. */
  readonly receipts = new Map<string, LogReceipt>()
  readonly failures: Error[] = []
  #journal: Journal | undefined
  #queue: PendingQueue | undefined
  readonly #verifiers = new VerifierCache()

  constructor(
    readonly net: TestNetwork,
    readonly database: Database,
    readonly chain: Chain
  ) {
    super()
  }

  get journal(): Journal {
    if (this.#journal === undefined) throw new Error('the log is not open')
    return this.#journal
  }

  get queue(): PendingQueue {
    if (this.#queue === undefined) throw new Error('the log is not open')
    return this.#queue
  }

  async open(): Promise<void> {
    const { net, database, chain } = this
    this.#journal = await LevelJournal.open(database, receiptIssuer(net))
    this.#queue = await PendingQueue.open(
      {
        journal: this.#journal,
        database,
        chain,
        sequencer: net.sequencer,
        now: () => EPOCH,
        clock: () => 0,
        committed: issued => this.#committed(issued),
        failed: error => {
          this.failures.push(error)
          this.changed()
        }
      },
      messageRules(net.rules, new Opener([net.openingKey])),
      this.#verifiers
    )
  }

  /** Resolves when `count` receipts have been issued since the log was opened. */
  async settled(count: number): Promise<void> {
    await this.until(`${count} receipts`, () => this.receipts.size >= count, 2 * PATIENCE)
  }

  /** Makes the next block over `count` pending messages. */
  async cut(count: number): Promise<void> {
    const { chain, journal, queue, net } = this
    const { envelopes, leaves } = queue.take(count)
    const draft = chain.draft({ envelopes, leaves }, net.sequencer, EPOCH)
    const signed = signHeader(draft.header, net.signer)
    await chain.append(draft, signed, writes => journal.cut(signed, writes))
    queue.release(count)
  }

  #committed(issued: readonly IssuedReceipt[]): void {
    const { network, sequencer } = this.net
    for (const { receipt: bytes } of issued)
      for (const entry of readReceipt(bytes, network.id, sequencer, this.#verifiers).entries)
        this.receipts.set(toHex(entry.leaf), { ...entry, bytes })
    this.changed()
  }
}

/** Opens a log as the sequencer does at its start. Throws StoreError where the database is damaged. */
export async function runLog(net: TestNetwork, database: Database): Promise<TestLog> {
  const log = new TestLog(net, database, await Chain.open(database, net.rules))
  await log.open()
  return log
}
