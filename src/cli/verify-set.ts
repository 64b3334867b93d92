import type { TransferSet } from '../applications/ledger/transfer-set.js'
import { type Database, StoreError } from '../chain/store.js'
import { TransferStore } from '../chain/transfer-store.js'
import type { EnvelopeBytes } from '../core/bytes.js'
import { toHex } from '../core/bytes.js'
import type { Fault } from '../core/fault.js'
import { LIMITS } from '../core/limits.js'
import type { UnorderedNetwork } from '../core/network-document.js'
import { checkMessages } from '../node/message-checks.js'
import { ValidationPool } from '../node/validation-pool.js'
import { barsOn } from './progress.js'

export type SetVerdict =
  | { readonly kind: 'valid'; readonly transfers: TransferSet }
  | { readonly kind: 'faulty'; readonly fault: Fault }

/** Verifies what a peer of a network with no order has stored: as each start does, and each signature as well. */
export async function verifySet(database: Database, network: UnorderedNetwork): Promise<SetVerdict> {
  const pool = new ValidationPool(network)
  try {
    const store = await TransferStore.open({
      database,
      network,
      changed: () => undefined,
      failed: () => undefined
    })
    await pool.start()
    const fault = await firstFault(store, pool)
    return fault === undefined ? { kind: 'valid', transfers: store.transfers } : { kind: 'faulty', fault }
  } catch (error) {
    if (error instanceof StoreError)
      return { kind: 'faulty', fault: { kind: 'index', detail: error.message } }
    throw error
  } finally {
    await pool.stop()
  }
}

/** A bar shows people how far it is. */
async function firstFault(store: TransferStore, pool: ValidationPool): Promise<Fault | undefined> {
  const shown = barsOn(process.stderr)
  const phase = shown.phase('verified', store.transfers.size, 'transfers')
  try {
    for await (const envelopes of groupsOf(store.all())) {
      for (const verdict of await checkMessages(envelopes, pool))
        if (!verdict.ok) {
          const { reason, detail } = verdict.refusal
          return { kind: 'message', detail: `the one with leaf ${toHex(verdict.leaf)}: ${reason}: ${detail}` }
        }
      phase.advance(envelopes.length)
    }
    return undefined
  } finally {
    shown.stop()
  }
}

async function* groupsOf(envelopes: AsyncIterable<EnvelopeBytes>): AsyncIterable<EnvelopeBytes[]> {
  let group: EnvelopeBytes[] = []
  for await (const envelope of envelopes) {
    group.push(envelope)
    if (group.length < LIMITS.validationQueueOfPeer) continue
    yield group
    group = []
  }
  yield group
}
