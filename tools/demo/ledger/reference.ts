import type { SignedTransfer } from './signed-transfer.js'

/**
 * A ledger as simple as it can be, to hold the real one against: sums of integers, by account. It shares no code with
 * that, knows no rules, and believes what it is told.
 */
export class ReferenceLedger {
  readonly #balances: Map<string, bigint>

  constructor(grants: ReadonlyMap<string, bigint>) {
    this.#balances = new Map(grants)
  }

  pay({ author, to, amount, fee }: SignedTransfer): void {
    this.credit(author, -(amount + fee))
    this.credit(to, amount)
  }

  credit(account: string, units: bigint): void {
    this.#balances.set(account, this.balance(account) + units)
  }

  balance(account: string): bigint {
    return this.#balances.get(account) ?? 0n
  }

  get balances(): ReadonlyMap<string, bigint> {
    return this.#balances
  }

  get sum(): bigint {
    return sumOf(this.#balances.values())
  }
}

export function sumOf(units: Iterable<bigint>): bigint {
  let sum = 0n
  for (const each of units) sum += each
  return sum
}
