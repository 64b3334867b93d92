import type { Account } from '#src/applications/ledger/account.js'
import { ledgerSectionOf } from '#src/applications/ledger/section.js'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { peerIdFromText, peerIdToString } from '#src/core/keys.js'
import type { ChainNetwork } from '#src/core/network.js'
import { Random } from '../localnet/random.js'

/** What payers have at first: more than they pay. */
export const FUNDS = 10n ** 12n
const FEE = 1n

/** Those that the network document names, in its order; a JSON object keeps it. */
export function accountsIn({ document: { application } }: ChainNetwork): PeerIdBytes[] {
  return Object.keys(ledgerSectionOf(application)?.accounts ?? {}).map(peerIdFromText)
}

export interface Payment {
  readonly to: PeerIdBytes
  readonly amount: bigint
}

/** What one payer pays, each time to any of the accounts; the same whenever it is asked. */
export function* paymentsOf(
  payer: number,
  accounts: readonly PeerIdBytes[],
  count: number
): Iterable<Payment> {
  const random = new Random(payer)
  for (let number = 0; number < count; number += 1) {
    const to = random.pick(accounts)
    if (to === undefined) throw new RangeError('there is nobody to pay')
    yield { to, amount: BigInt(1 + (number % 100)) }
  }
}

/** As people say it to a client. */
export function spoken({ to, amount }: Payment): Readonly<Record<'to' | 'amount' | 'fee', string>> {
  return { to: peerIdToString(to), amount: String(amount), fee: String(FEE) }
}

/**
 * What the accounts have when all has been paid, the first `payers` of them so many times each: plain sums, in no
 * order, without the application that is measured.
 */
export function accountsAfter(
  accounts: readonly PeerIdBytes[],
  payers: number,
  count: number,
  producer: PeerIdBytes
): Account[] {
  const balances = new Map(accounts.map(id => [toHex(id), FUNDS]))
  const add = (id: PeerIdBytes, units: bigint): void => {
    balances.set(toHex(id), (balances.get(toHex(id)) ?? 0n) + units)
  }
  for (const [index, payer] of accounts.slice(0, payers).entries())
    for (const { to, amount } of paymentsOf(index, accounts, count)) {
      add(to, amount)
      add(payer, -amount - FEE)
      add(producer, FEE)
    }
  return [...accounts, producer].map((id, index) => ({
    id,
    balance: balances.get(toHex(id)) ?? 0n,
    sequence: index < payers ? BigInt(count) : 0n
  }))
}
