import { Chain } from '#src/chain/chain.js'
import { Journal } from '#src/chain/journal.js'
import type { IssuedReceipt } from '#src/chain/receipted.js'
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

/** A sequencer's chain and journal on a real database, without a network around them. */
export class TestLog extends Changes {
  /** By leaf in hex: the receipts that were issued since the log was opened. */
  readonly receipts = new Map<string, LogReceipt>()
  readonly failures: Error[] = []
  #journal: Journal | undefined
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

  async open(): Promise<void> {
    const { net, database, chain } = this
    this.#journal = await Journal.open(
      {
        database,
        chain,
        signer: net.signer,
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
    const { chain, journal, net } = this
    const { envelopes, leaves } = journal.take(count)
    const draft = chain.draft({ envelopes, leaves }, net.sequencer, EPOCH)
    await chain.append(draft, signHeader(draft.header, net.signer))
    journal.release(count)
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
