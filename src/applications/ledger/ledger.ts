import type { Header } from '../../core/block.js'
import type { Hash } from '../../core/bytes.js'
import type { Message } from '../../core/message.js'
import { type Reason, type Refusal, refusal } from '../../core/refusal.js'
import { NO_STAKES } from '../../core/stakes.js'
import type { AccountRules, Application, EncodedBody, Outcome } from '../application.js'
import type { LedgerSection } from './section.js'
import { LedgerState } from './state.js'
import { type LedgerTerms, ledgerTerms } from './terms.js'
import { touchedBy } from './touched.js'
import {
  checkReceiver,
  checkTransferBody,
  decodeTransfer,
  encodeTransferValue,
  readTransfer
} from './transfer.js'

/** Accounts and transfers, where blocks put the transfers in order: nobody pays what he does not have. */
export class LedgerApplication implements Application<LedgerState> {
  readonly isStateless = false
  readonly accounts: AccountRules<LedgerState>
  readonly #terms: LedgerTerms
  readonly #genesis: LedgerState

  /** Throws InvalidNetworkDocument. */
  constructor(section: LedgerSection) {
    this.#terms = ledgerTerms(section)
    this.#genesis = LedgerState.of(this.#terms.balances)
    this.accounts = accountRules(this.#terms, this.#genesis)
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

function accountRules({ balances, reward }: LedgerTerms, genesis: LedgerState): AccountRules<LedgerState> {
  return {
    costOf: body => {
      const { amount, fee } = decodeTransfer(body)
      return amount + fee
    },
    account: (state, id) => state.account(id),
    list: (state, after) => (after === undefined ? state.all() : state.after(after)),
    prove: (state, id) => state.prove(id),
    digestOf: accounts => LedgerState.of(accounts).digest(),
    // Each transfer is a message of the log, and units are of the network document or made by blocks.
    isPossible: ({ balance, sequence }, { size, height }) =>
      sequence <= BigInt(size) && balance <= genesis.supply + reward * BigInt(height),
    // Those of the network document, the receiver of each transfer, and the producer of each block.
    mostAccounts: ({ size, height }) => balances.length + size + height,
    touchedBy,
    shown: (digest, proofs) => LedgerState.shown(digest, proofs)
  }
}
