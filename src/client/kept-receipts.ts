import { type Database, expectStored } from '../chain/store.js'
import { type EnvelopeBytes, equal, type Hash } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import { decodeReceipt, type Receipt, type ReceiptEntry } from '../core/receipt.js'
import { LAST_SEQUENCE, numbered } from './outbox-entries.js'

/** How an author names one of his messages that has a receipt. */
export type MessageNaming =
  | { readonly sequence: bigint }
  | { readonly position: number }
  | { readonly leaf: Hash }

export function isNamed(naming: MessageNaming, entry: ReceiptEntry): boolean {
  if ('sequence' in naming) return entry.sequence === naming.sequence
  return 'position' in naming ? entry.position === naming.position : equal(entry.leaf, naming.leaf)
}

/** The receipt that an outbox keeps of a message, its signature not checked. Throws StoreError where one is damaged. */
export async function keptReceipt(
  database: Database,
  naming: MessageNaming
): Promise<EnvelopeBytes | undefined> {
  // It stands under the lowest sequence that it names.
  const lte = numbered('q', 'sequence' in naming ? naming.sequence : LAST_SEQUENCE)
  for await (const value of database.values({ gte: numbered('q', 0n), lte, reverse: true })) {
    const read = (): Receipt => decodeReceipt(decodeEnvelope(value).payload)
    const { entries } = expectStored('a receipt', read)
    if (entries.some(entry => isNamed(naming, entry))) return value as EnvelopeBytes
  }
  return undefined
}
