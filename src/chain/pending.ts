import { type EnvelopeBytes, equal } from '../core/bytes.js'
import type { VerifierCache } from '../core/keys.js'
import type { Refusal } from '../core/refusal.js'
import { type MessageRules, validateEnvelope } from '../core/validation.js'
import type { Candidate } from './candidate.js'
import { expectMessageIndexed } from './indexes.js'
import type { PendingState } from './pending-state.js'
import { type Database, keys, StoreError } from './store.js'

export interface PendingMessage extends Candidate {
  readonly position: number
}

/**
 * The messages on disk from position `start` on, which are in no block yet, each verified, and added to the `state`
 * where there is one. Throws StoreError.
 */
export async function* pendingMessages(
  database: Database,
  start: number,
  rules: MessageRules,
  verifiers: VerifierCache,
  state: PendingState | undefined
): AsyncIterable<PendingMessage> {
  const range = { gte: keys.message(start), lt: keys.message(2 ** 48 - 1) }
  let position = start
  for await (const [key, value] of database.iterator(range)) {
    const envelope = value as EnvelopeBytes
    if (!equal(key, keys.message(position)))
      throw new StoreError(`the message at position ${position} is missing`)
    const verdict = await validateEnvelope(envelope, rules, verifiers)
    if (!verdict.ok) throw notPending(position, verdict.refusal)
    const { leaf, author, sequence } = verdict
    const refusal = state?.add({ envelope })
    if (refusal !== undefined)
      throw new StoreError(
        `the message at position ${position} is not valid after those before it: ${refusal.detail}`
      )
    expectMessageIndexed(database, position, verdict)
    yield { envelope, leaf, author, sequence, position }
    position += 1
  }
}

function notPending(position: number, { reason, detail }: Refusal): StoreError {
  return reason === 'unknown key'
    ? new StoreError(
        `the pending message at position ${position} is sealed to a key that is not in the key file any more (${detail})`,
        'put that key back'
      )
    : new StoreError(`the message at position ${position} is damaged: ${detail}`)
}
