import { type Hash, type PeerIdBytes, toHex } from '../../core/bytes.js'
import type { Message } from '../../core/message.js'
import type { LedgerApplicationDocument } from '../../core/network-document.js'
import type { Refusal } from '../../core/refusal.js'
import type { EncodedBody } from '../application.js'
import { type LedgerTerms, ledgerTerms } from './terms.js'
import { checkReceiver, checkTransferBody, encodeTransferValue, readTransfer } from './transfer.js'
import { TransferSet } from './transfer-set.js'

export type Counted =
  /** `isNew`: it was not counted before. */
  { readonly ok: true; readonly isNew: boolean } | { readonly ok: false; readonly refusal: Refusal }

/**
 * Accounts and transfers where nobody orders anything: a set of transfers that only grows, and the sums. A transfer is
 * counted once, whenever and however often it comes, whatever else came before; so peers that have the same transfers
 * have the same sums. That is why overdrafts are not refused here (docs/LEDGER.md). Fees go to nobody.
 */
export class UnorderedLedger {
  readonly #terms: LedgerTerms
  readonly #balances: Map<string, bigint>
  #transfers = TransferSet.empty()

  /** Throws InvalidNetworkDocument. */
  constructor(document: LedgerApplicationDocument) {
    this.#terms = ledgerTerms(document)
    this.#balances = new Map(this.#terms.balances.map(({ id, balance }) => [toHex(id), balance]))
  }

  checkBody(body: Uint8Array): Refusal | undefined {
    return checkTransferBody(body, this.#terms.leastFee)
  }

  encodeBody(value: unknown): EncodedBody {
    return encodeTransferValue(value, this.#terms.leastFee)
  }

  /** Counts a message that was validated, whose `transferId` is `id`. */
  count(id: Hash, { author, body }: Message): Counted {
    if (this.#transfers.has(id)) return { ok: true, isNew: false }
    const read = readTransfer(body, this.#terms.leastFee)
    if (!read.ok) return read
    const { transfer } = read
    const stranger = this.balance(transfer.to) === undefined ? checkReceiver(transfer) : undefined
    if (stranger !== undefined) return { ok: false, refusal: stranger }
    this.#add(author, -(transfer.amount + transfer.fee))
    this.#add(transfer.to, transfer.amount)
    this.#transfers = this.#transfers.add(id)
    return { ok: true, isNew: true }
  }

  /** Below 0 where more was paid than is known to have come; undefined where the account was in no transfer. */
  balance(id: PeerIdBytes): bigint | undefined {
    return this.#balances.get(toHex(id))
  }

  /** By account, in hex. */
  get balances(): ReadonlyMap<string, bigint> {
    return this.#balances
  }

  /** As it is now. */
  get transfers(): TransferSet {
    return this.#transfers
  }

  #add(id: PeerIdBytes, difference: bigint): void {
    const name = toHex(id)
    this.#balances.set(name, (this.#balances.get(name) ?? 0n) + difference)
  }
}
