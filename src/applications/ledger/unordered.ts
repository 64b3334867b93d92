import type { Balance } from '../../core/balance.js'
import { type Hash, type PeerIdBytes, toHex } from '../../core/bytes.js'
import type { Message } from '../../core/message.js'
import type { Refusal } from '../../core/refusal.js'
import type { Counted, EncodedBody, SetApplication } from '../application.js'
import type { LedgerSection } from './section.js'
import { type LedgerTerms, ledgerTerms } from './terms.js'
import { checkReceiver, checkTransferBody, encodeTransferValue, readTransfer } from './transfer.js'
import { TransferSet } from './transfer-set.js'

/**
 * Accounts and transfers where nobody orders anything: a set of transfers that only grows, and the sums. A transfer is
 * counted once, whenever and however often it comes, whatever else came before; so peers that have the same transfers
 * have the same sums. That is why overdrafts are not refused here (docs/LEDGER.md). Fees go to nobody.
 */
export class UnorderedLedger implements SetApplication {
  readonly #terms: LedgerTerms
  readonly #balances: Map<string, bigint>
  /** The same accounts in the order in which they came. */
  readonly #accounts: PeerIdBytes[]
  /** Where each of them stands there. */
  readonly #places: Map<string, number>
  #transfers = TransferSet.empty()

  /** Throws InvalidNetworkDocument. */
  constructor(section: LedgerSection) {
    this.#terms = ledgerTerms(section)
    const { balances } = this.#terms
    this.#balances = new Map(balances.map(({ id, balance }) => [toHex(id), balance]))
    this.#accounts = balances.map(({ id }) => id)
    this.#places = new Map(this.#accounts.map((id, place) => [toHex(id), place]))
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

  /** At most `limit` of those that came after an account; from the first one on without it. New ones come last. */
  page(after: PeerIdBytes | undefined, limit: number): Balance[] {
    const place = after === undefined ? -1 : this.#places.get(toHex(after))
    if (place === undefined) return []
    return this.#accounts
      .slice(place + 1, place + 1 + limit)
      .map(id => ({ id, balance: this.balance(id) ?? 0n }))
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
    const before = this.#balances.get(name)
    this.#balances.set(name, (before ?? 0n) + difference)
    if (before !== undefined) return
    this.#places.set(name, this.#accounts.length)
    this.#accounts.push(Uint8Array.from(id) as PeerIdBytes)
  }
}
