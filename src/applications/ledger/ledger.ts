import type { Header } from '../../core/block.js'
import type { Hash } from '../../core/bytes.js'
import type { Message } from '../../core/message.js'
import type { LedgerApplicationDocument } from '../../core/network-document.js'
import { type Reason, type Refusal, refusal } from '../../core/refusal.js'
import { NO_STAKES } from '../../core/stakes.js'
import type { Application, EncodedBody, Outcome } from '../application.js'
import { LedgerState } from './state.js'
import { type LedgerTerms, ledgerTerms } from './terms.js'
import { checkReceiver, checkTransferBody, encodeTransferValue, readTransfer } from './transfer.js'

/** Accounts and transfers, where blocks put the transfers in order: nobody pays what he does not have. */
export class LedgerApplication implements Application<LedgerState> {
  readonly isStateless = false
  readonly #terms: LedgerTerms
  readonly #genesis: LedgerState

  /** Throws InvalidNetworkDocument. */
  constructor(document: LedgerApplicationDocument) {
    this.#terms = ledgerTerms(document)
    this.#genesis = LedgerState.of(this.#terms.balances)
  }

  checkBody(body: Uint8Array): Refusal | undefined {
    return checkTransferBody(body, this.#terms.leastFee)
  }

  encodeBody(value: unknown): EncodedBody {
    return encodeTransferValue(value, this.#terms.leastFee)
  }

  genesis(): LedgerState {
    return this.#genesis
  }

  applyMessage(state: LedgerState, { author, sequence, body }: Message): Outcome<LedgerState> {
    const refuse = (reason: Reason, detail: string): Outcome<LedgerState> => ({
      ok: false,
      refusal: refusal(reason, detail)
    })
    const read = readTransfer(body, this.#terms.leastFee)
    if (!read.ok) return read
    const { transfer } = read
    const { balance, sequence: last } = state.account(author) ?? { balance: 0n, sequence: 0n }
    if (sequence <= last)
      return refuse('sequence taken', `${sequence} was used; the account's next is ${last + 1n}`)
    if (sequence > last + 1n)
      return refuse('sequence gap', `${sequence} comes too early; the account's next is ${last + 1n}`)
    const total = transfer.amount + transfer.fee
    if (total > balance) return refuse('overdraft', `${total} with the fee; the account has ${balance}`)
    // Whoever has an account has a key: it was read when the account came to be.
    const stranger = state.account(transfer.to) === undefined ? checkReceiver(transfer) : undefined
    if (stranger !== undefined) return { ok: false, refusal: stranger }
    return { ok: true, state: state.transferred(author, sequence, transfer) }
  }

  endBlock(state: LedgerState, { producer }: Header): LedgerState {
    return state.rewarded(producer, this.#terms.reward)
  }

  digest(state: LedgerState): Hash {
    return state.digest()
  }

  /** Balances are no stakes yet. */
  stakes(): typeof NO_STAKES {
    return NO_STAKES
  }
}
