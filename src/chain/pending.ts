import { type EnvelopeBytes, equal, type Hash, toHex } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import type { VerifierCache } from '../core/keys.js'
import { leafHash } from '../core/merkle.js'
import { decodeMessage, type Message } from '../core/message.js'
import type { Receipt } from '../core/receipt.js'
import { type MessageRules, validateEnvelope } from '../core/validation.js'
import type { Positioned } from './candidate.js'
import { expectMessageIndexed } from './indexes.js'
import type { JournalEntry } from './journal.js'
import { storedEntries } from './level-journal.js'
import type { PendingState } from './pending-state.js'
import { type Database, expectStored, type Place, placeOf, receiptOf, StoreError } from './store.js'

export type PendingMessage = Positioned

export interface PendingOptions {
  readonly database: Database
  /** The position of the first one. */
  readonly start: number
  /** Those from there on. Left out: what the database has. */
  readonly entries?: AsyncIterable<JournalEntry>
  readonly rules: MessageRules
  readonly verifiers: VerifierCache
  /** They are added to it, where there is one. */
  readonly state: PendingState | undefined
  /** Gives a receipt whose signature holds, or throws DecodeError. */
  readonly readReceipt: (receipt: Uint8Array) => Receipt
}

/**
 * The messages of the journal from position `start` on, which are in no block yet. One that a signed receipt names, with its
 * hash and its position, was judged when it was taken: it is not judged again, so that no rule that is new since then
 * keeps a sequencer from starting with what it gave its word for. Any other is judged as a new one. Throws StoreError.
 */
export async function* pendingMessages(options: PendingOptions): AsyncIterable<PendingMessage> {
  const { database, start, state, entries = storedEntries(database, start) } = options
  const receipts = new Receipts(options)
  for await (const { position, envelope } of entries) {
    const leaf = leafHash(envelope)
    const message = expectStored(`the message at position ${position}`, () =>
      decodeMessage(decodeEnvelope(envelope).payload)
    )
    const { author, sequence } = message
    const place = placeOf(database, author, sequence)
    if (place === undefined || !receipts.name(message, leaf, position, place))
      await expectValid(envelope, position, options)
    expectOpening(message, position, options)
    const refusal = state?.add({ envelope })
    if (refusal !== undefined)
      throw new StoreError(
        `the message at position ${position} is not valid after those before it: ${refusal.detail}`
      )
    expectMessageIndexed(database, position, { author, sequence, leaf })
    yield { envelope, leaf, author, sequence, position }
  }
}

/** Messages that came together have one receipt, which is read once. */
class Receipts {
  #last: { readonly first: number; readonly receipt: Receipt } | undefined

  constructor(private readonly options: Pick<PendingOptions, 'database' | 'readReceipt'>) {}

  /** Whether the receipt of this place names the message. */
  name({ author, sequence }: Message, leaf: Hash, position: number, place: Place): boolean {
    const receipt = this.#at(place)
    return (
      receipt !== undefined &&
      equal(receipt.author, author) &&
      receipt.entries.some(
        entry => entry.position === position && entry.sequence === sequence && equal(entry.leaf, leaf)
      )
    )
  }

  #at(place: Place): Receipt | undefined {
    const { first } = place
    if (first === undefined) return undefined
    if (this.#last?.first === first) return this.#last.receipt
    const stored = receiptOf(this.options.database, place)
    if (stored === undefined) return undefined
    const receipt = expectStored(`the receipt for position ${first}`, () => this.options.readReceipt(stored))
    this.#last = { first, receipt }
    return receipt
  }
}

async function expectValid(
  envelope: EnvelopeBytes,
  position: number,
  { rules, verifiers }: PendingOptions
): Promise<void> {
  const verdict = await validateEnvelope(envelope, rules, verifiers)
  // Which keys there must be is looked at beside.
  if (!verdict.ok && verdict.refusal.reason !== 'unknown key')
    throw new StoreError(`the message at position ${position} is damaged: ${verdict.refusal.detail}`)
}

/** A key that opens something on disk and is gone from the key file is a mistake that can be mended now. */
function expectOpening({ body }: Message, position: number, { rules: { opener } }: PendingOptions): void {
  if (body.kind === 'sealed' && opener !== undefined && !opener.holds(body.sealed.keyId))
    throw new StoreError(
      `the pending message at position ${position} is sealed to key ${toHex(body.sealed.keyId)}, which is not in the key file any more`,
      { code: 'ERR_KEY_MISSING', remedy: 'put that key back' }
    )
}
