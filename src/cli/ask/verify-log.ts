import { Chain } from '../../chain/chain.js'
import { expectOnlyBlocks, expectReceiptsIndexed } from '../../chain/indexes.js'
import { Mempool } from '../../chain/mempool.js'
import { type PendingMessage, pendingMessages } from '../../chain/pending.js'
import { PendingState } from '../../chain/pending-state.js'
import { type Database, StoreError } from '../../chain/store.js'
import type { ReadBlock } from '../../chain/stored-blocks.js'
import type { Block, CheckpointedHeader } from '../../core/block.js'
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
import { barsOn, type Progress, quiet } from '../terminal/progress.js'
import { standardError } from '../terminal/terminal.js'
import type { LogSource } from './log-source.js'

export interface LogVerdict {
  /** The last block that holds, and the weight of all up to there. */
  readonly head: CheckpointedHeader
  readonly weight: bigint
  /** Messages that are sealed to a key that was not given. */
  readonly unopened: number
  /** The first thing that is wrong. */
  readonly fault: Fault | undefined
  /** Messages of a folder that are in no block yet. */
  readonly pending: number | undefined
}

/** Verifies a log from its first block to its last, and what a folder has beside its blocks. */
export async function verifyLog(source: LogSource, keys: readonly OpeningKey[]): Promise<LogVerdict> {
  const audit = new LogAudit(source, keys)
  let fault: Fault | undefined
  for await (const read of audit.verified()) if ('fault' in read) fault = read.fault
  const { head, weight, unopened } = audit.auditor
  const { database } = source
  if (fault !== undefined || database === undefined)
    return { head, weight, unopened, fault, pending: undefined }
  return { head, weight, unopened, ...(await auditRest(database, source.rules, keys)) }
}

/**
 * The blocks of a log, each once it has been verified; in place of the first that does not hold, its fault. `isSilent`:
 * no bar is drawn between what they are shown as.
 */
export function verifiedBlocks(source: LogSource, isSilent = false): AsyncIterable<ReadBlock> {
  return new LogAudit(source, []).verified(isSilent ? quiet : undefined)
}

/**
 * The messages that a sequencer's folder has in no block yet, as a start verifies them; none of other folders. Throws
 * StoreError where they do not hold.
 */
export async function* verifiedPending({ database, rules }: LogSource): AsyncIterable<PendingMessage> {
  if (database === undefined || rules.network.sequencer === undefined) return
  const chain = await Chain.open(database, rules)
  yield* pendingAfter(chain, database, [])
}

export type AuditedBlock =
  | { readonly block: Block; readonly state: unknown }
  | Extract<ReadBlock, { readonly fault: unknown }>

/** The same, each block with the state after it. */
export async function* auditedBlocks(source: LogSource, isSilent: boolean): AsyncIterable<AuditedBlock> {
  const audit = new LogAudit(source, [])
  for await (const read of audit.verified(isSilent ? quiet : undefined))
    yield 'fault' in read ? read : { block: read.block, state: audit.auditor.state }
}

class LogAudit {
  readonly auditor: Auditor
  readonly #pool: ValidationPool

  constructor(
    private readonly source: LogSource,
    keys: readonly OpeningKey[]
  ) {
    this.#pool = new ValidationPool(source.rules.network, fixedKeys(keys), { age: 'stored' })
    this.auditor = new Auditor(source.rules, this.#pool, () => Date.now())
  }

  /** A bar shows people how far it is. */
  async *verified(shown: Pick<Progress, 'phase' | 'stop'> = barsOn(standardError)): AsyncIterable<ReadBlock> {
    const { blocks, progress } = this.source
    const phase = shown.phase('verified', progress.total, progress.unit)
    let before = 0
    try {
      await this.#pool.start()
      for await (const read of this.auditor.verified(blocks)) {
        const now = progress.done()
        phase.advance(now - before)
        before = now
        yield read
      }
    } finally {
      shown.stop()
      await this.#pool.stop()
    }
  }
}

/** What a start on this folder verifies beside its blocks: tiles of the log tree, indexes, messages in no block yet. */
async function auditRest(
  database: Database,
  rules: Rules,
  keys: readonly OpeningKey[]
): Promise<Pick<LogVerdict, 'fault' | 'pending'>> {
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
