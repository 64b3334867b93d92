import { type Database, type Write, writeLazily } from '../chain/store.js'
import { concat } from '../core/bytes.js'
import { describeError } from '../core/events.js'
import { LIMITS } from '../core/limits.js'
import { type Refusal, refusal } from '../core/refusal.js'
import { Wakeup, within } from '../lifecycle/waiting.js'
import type { ShownAccount } from '../query/account-queries.js'
import { isFalseAnswer } from '../query/query-errors.js'
import { bigEndian, LAST_SEQUENCE, type Payment, paymentKey } from './outbox-entries.js'

export interface WalletOptions {
  readonly database: Database
  /** What the own account has, as somebody who is connected now shows it; undefined where nobody is. */
  readonly account: (signal: AbortSignal) => Promise<ShownAccount> | undefined
  /** How many blocks a heavier branch may replace; undefined where a block is final at once. */
  readonly maxReorg: number | undefined
  /** Numbers below it may have been used with another folder. Left out: none. */
  readonly unknownBelow?: bigint
  /** Who has shown it shows what does not hold. */
  readonly distrust: (why: string) => void
}

export type Reserved =
  | { readonly ok: true; readonly payment: Payment }
  | { readonly ok: false; readonly refusal: Refusal }

/** The highest number that was seen to stand in a block, and up to which block that was. */
const SETTLED = Uint8Array.of(0x76)

/**
 * What one's own account can pay now, and under which numbers. A signed transfer cannot be taken back: said again under
 * another number it could be paid twice. So nothing is signed that the account does not cover, less all that was
 * signed before and may be in no block yet; and numbers are given out without a gap.
 */
export class Wallet {
  /** Transfers that may be in no block yet: what each takes, by its number. */
  readonly #owed: Map<bigint, bigint>
  #sum: bigint
  #settled: Settled
  /** No number below it is free. */
  #lowest = 1n
  #view: ShownAccount | undefined
  readonly #joined = new Wakeup()
  #last: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly options: WalletOptions,
    owed: Map<bigint, bigint>,
    settled: Settled
  ) {
    this.#owed = owed
    this.#sum = [...owed.values()].reduce((sum, units) => sum + units, 0n)
    this.#settled = settled
  }

  /** Knows again what was signed before. */
  static async open(options: WalletOptions): Promise<Wallet> {
    const { database } = options
    const owed = new Map<bigint, bigint>()
    const all = { gte: paymentKey(0n), lte: paymentKey(LAST_SEQUENCE) }
    for await (const [key, value] of database.iterator(all))
      owed.set(Buffer.from(key).readBigUInt64BE(1), Buffer.from(value).readBigUInt64BE())
    const settled = await database.get(SETTLED)
    return new Wallet(options, owed, readSettled(settled))
  }

  /** A peer has connected that may know better than those before. */
  joined(): void {
    this.#view = undefined
    this.#joined.wake()
  }

  /** The number under which so much may be paid now, which nothing else gets; or why it may not. In the order of the calls. */
  reserve(units: bigint, signal: AbortSignal): Promise<Reserved> {
    const reserved = this.#last.then(() => this.#reserve(units, signal))
    this.#last = reserved.catch(() => undefined)
    return reserved
  }

  /** The transfer under this number was not signed, or was refused for good: the next one may have the number. */
  release(sequence: bigint): void {
    this.#sum -= this.#owed.get(sequence) ?? 0n
    this.#owed.delete(sequence)
    if (sequence < this.#lowest) this.#lowest = sequence
  }

  async #reserve(units: bigint, signal: AbortSignal): Promise<Reserved> {
    // What was seen before may be enough, and is never too much: others only pay in.
    const known = this.#view && this.#take(units, this.#view)
    if (known?.ok === true) return known
    try {
      const view = await this.#look(within(LIMITS.accountMs, signal))
      return this.#take(units, view)
    } catch (error) {
      return no('busy', `it is not known what the account has: ${describeError(error)}; try again`)
    }
  }

  #take(units: bigint, { account, signed }: ShownAccount): Reserved {
    const { height } = signed.header
    if (account.sequence < this.#settled.sequence)
      return no(
        'busy',
        `transfer ${this.#settled.sequence} has stood in a block and does not any more, as of block ${height}; try again when it does`
      )
    if (this.#owed.size >= LIMITS.unsettledPayments)
      return no('busy', `${this.#owed.size} of your transfers are in no block yet; try again later`)
    const rest = account.balance - this.#sum
    if (units > rest)
      return no(
        'overdraft',
        `${units} with the fee; the account has ${account.balance} as of block ${height}${this.#sum === 0n ? '' : `, and ${this.#sum} of it is in transfers of yours that are in no block yet`}`
      )
    let sequence = account.sequence < this.#lowest ? this.#lowest : account.sequence + 1n
    while (this.#owed.has(sequence)) sequence += 1n
    const { unknownBelow = 0n } = this.options
    if (sequence < unknownBelow)
      return no(
        'busy',
        `this key has signed transfers up to number ${unknownBelow - 1n} that this folder does not know of, and number ${sequence} may be one of them; put the newest folder back, or try again when they stand in blocks (the account is at ${account.sequence} as of block ${height})`
      )
    this.#lowest = sequence + 1n
    this.#owed.set(sequence, units)
    this.#sum += units
    return { ok: true, payment: { sequence, units } }
  }

  /** Asks until there is an answer, or `signal` fires. */
  async #look(signal: AbortSignal): Promise<ShownAccount> {
    let problem = 'nobody is connected who could show it'
    for (; !signal.aborted; await this.#joined.wait(signal, LIMITS.redialMs.longest))
      try {
        const shown = await this.options.account(signal)
        if (shown === undefined) continue
        await this.#see(shown)
        return shown
      } catch (error) {
        problem = describeError(error)
        if (isFalseAnswer(error)) this.options.distrust(problem)
      }
    throw new Error(problem)
  }

  async #see(shown: ShownAccount): Promise<void> {
    this.#view = shown
    const { sequence } = shown.account
    const { height } = shown.signed.header
    const { maxReorg, database } = this.options
    // So many blocks later it does not come back with its block: it was on a branch that has lost, or on one that was made up.
    const isLost =
      maxReorg !== undefined && sequence < this.#settled.sequence && height > this.#settled.height + maxReorg
    const settled = [...this.#owed.keys()].filter(number => number <= sequence)
    if (!isLost && sequence <= this.#settled.sequence && settled.length === 0) return
    for (const number of settled) this.release(number)
    if (isLost) this.#lowest = 1n
    if (isLost || sequence > this.#settled.sequence) this.#settled = { sequence, height }
    const deletions = settled.map((number): Write => ({ type: 'del', key: paymentKey(number) }))
    await writeLazily(database, [
      {
        type: 'put',
        key: SETTLED,
        value: concat(bigEndian(this.#settled.sequence), bigEndian(BigInt(this.#settled.height)))
      },
      ...deletions
    ])
  }
}

interface Settled {
  readonly sequence: bigint
  readonly height: number
}

/** Earlier versions kept the number alone. */
function readSettled(bytes: Uint8Array | undefined): Settled {
  if (bytes === undefined) return { sequence: 0n, height: 0 }
  const numbers = Buffer.from(bytes)
  return {
    sequence: numbers.readBigUInt64BE(),
    height: numbers.length < 16 ? 0 : Number(numbers.readBigUInt64BE(8))
  }
}

function no(reason: Refusal['reason'], detail: string): Reserved {
  return { ok: false, refusal: refusal(reason, detail) }
}
