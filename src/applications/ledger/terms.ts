import type { Balance } from '../../core/balance.js'
import { InvalidNetworkDocument } from '../../core/network.js'
import { U64_MAX, u64FromText } from '../../core/u64.js'
import { accountFromText } from './account.js'
import type { LedgerSection } from './section.js'

/** What a network document says of its ledger, as numbers. */
export interface LedgerTerms {
  readonly balances: readonly Balance[]
  readonly reward: bigint
  readonly leastFee: bigint
}

/** Throws InvalidNetworkDocument. */
export function ledgerTerms({ accounts, reward = '0', leastFee = '0' }: LedgerSection): LedgerTerms {
  const balances = Object.entries(accounts).map(([text, digits]): Balance => {
    const account = accountFromText(text)
    if (!account.ok)
      throw new InvalidNetworkDocument(
        `/application/accounts: "${text}" names no account: ${account.problem}`
      )
    return { id: account.id, balance: u64Field(`accounts/${text}`, digits) }
  })
  const supply = balances.reduce((sum, { balance }) => sum + balance, 0n)
  if (supply > U64_MAX)
    throw new InvalidNetworkDocument(`/application/accounts: together ${supply}, which is over ${U64_MAX}`)
  return { balances, reward: u64Field('reward', reward), leastFee: u64Field('leastFee', leastFee) }
}

function u64Field(name: string, digits: string): bigint {
  const value = u64FromText(digits)
  if (value === undefined)
    throw new InvalidNetworkDocument(`/application/${name}: ${digits} is over ${U64_MAX}`)
  return value
}
