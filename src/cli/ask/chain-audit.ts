import { Chain } from '../../chain/chain.js'
import { expectOnlyBlocks, expectReceiptsIndexed } from '../../chain/indexes.js'
import { Mempool } from '../../chain/mempool.js'
import { type PendingMessage, pendingMessages } from '../../chain/pending.js'
import { PendingState } from '../../chain/pending-state.js'
import { type Database, StoreError } from '../../chain/store.js'
import type { ReadBlock } from '../../chain/stored-blocks.js'
import type { Fault } from '../../core/fault.js'
import { VerifierCache } from '../../core/keys.js'
import { sequencerOf } from '../../core/network.js'
import { type Receipt, readReceipt } from '../../core/receipt.js'
import { Opener, type OpeningKey } from '../../core/sealing.js'
import type { Rules } from '../../rules/rules.js'
import { Auditor } from '../../validation/auditor.js'
import { fixedKeys } from '../../validation/key-ring.js'
import { messageRules } from '../../validation/message-rules.js'
import { ValidationPool } from '../../validation/validation-pool.js'
import { type Reading, watched } from '../terminal/progress.js'

/** A log as it is found somewhere. To be read once. */
export interface Log {
  readonly rules: Rules
  /** Those after the genesis. */
  readonly blocks: AsyncIterable<ReadBlock>
  readonly progress: Reading
  /** Where it is a folder. */
  readonly database?: Database
}

/** Verifies a log from its first block to its last. */
export class ChainAudit {
  readonly auditor: Auditor
  readonly #pool: ValidationPool

  constructor(
    private readonly log: Log,
    private readonly keys: readonly OpeningKey[] = []
  ) {
    this.#pool = new ValidationPool(log.rules.network, fixedKeys(keys), { age: 'stored' })
    this.auditor = new Auditor(log.rules, this.#pool, () => Date.now())
  }

  /**
   * The blocks, each once it has been verified; in place of the first that does not hold, its fault. `isSilent`: no bar
   * is drawn between what they are shown as.
   */
  async *verified(isSilent = false): AsyncIterable<ReadBlock> {
    const { blocks, progress } = this.log
    try {
      await this.#pool.start()
      yield* watched(this.auditor.verified(blocks), progress, isSilent)
    } finally {
      await this.#pool.stop()
    }
  }

  /** What a folder has beside its blocks, once they have been verified. */
  async rest(): Promise<Rest> {
    const { database, rules } = this.log
    return database === undefined
      ? { fault: undefined, pending: undefined }
      : auditRest(database, rules, this.keys)
  }

  /**
   * The messages that a sequencer's folder has in no block yet, as a start verifies them; none of other folders. Throws
   * StoreError where they do not hold.
   */
  async *pending(): AsyncIterable<PendingMessage> {
    const { database, rules } = this.log
    if (database === undefined || rules.network.sequencer === undefined) return
    yield* pendingAfter(await Chain.open(database, rules), database, this.keys)
  }
}

interface Rest {
  readonly fault: Fault | undefined
  /** Messages that are in no block yet; undefined where it is no folder. */
  readonly pending: number | undefined
}

/** What a start on this folder verifies beside its blocks: tiles of the log tree, indexes, messages in no block yet. */
async function auditRest(database: Database, rules: Rules, keys: readonly OpeningKey[]): Promise<Rest> {
  let pending = 0
  try {
    if (rules.network.sequencer === undefined) {
      const pool = await Mempool.open(database, messageRules(rules), new VerifierCache(), () => undefined)
      const { size } = (await Chain.open(database, rules, pool)).head().header
      await expectOnlyBlocks(database, size)
      return { fault: undefined, pending: pool.size }
    }
    const chain = await Chain.open(database, rules)
    const { size } = chain.head().header
    const rest = pendingAfter(chain, database, keys)
    for await (const _ of rest) pending += 1
    await expectReceiptsIndexed(database, size + pending, receiptReader(rules))
    return { fault: undefined, pending }
  } catch (error) {
    if (error instanceof StoreError) return { fault: { kind: 'index', detail: error.message }, pending }
    throw error
  }
}

function pendingAfter(
  chain: Chain,
  database: Database,
  keys: readonly OpeningKey[]
): AsyncIterable<PendingMessage> {
  const { rules } = chain
  return pendingMessages({
    database,
    start: chain.head().header.size,
    rules: messageRules(rules, keys.length === 0 ? undefined : new Opener(keys)),
    verifiers: new VerifierCache(),
    state: PendingState.after(chain),
    readReceipt: receiptReader(rules)
  })
}

function receiptReader({ network }: Rules): (receipt: Uint8Array) => Receipt {
  const verifiers = new VerifierCache()
  const sequencer = sequencerOf(network)
  return receipt => readReceipt(receipt, network.id, sequencer, verifiers)
}
