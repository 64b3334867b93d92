import type { Progress } from '#src/cli/terminal/progress.js'
import { ticks } from '#src/cli/terminal/ticks.js'
import type { OrderingName } from '../../localnet/orderings.js'
import { Random } from '../../localnet/random.js'
import type { ClientPart, Payment } from './client-part.js'
import type { ForgerPart } from './forger-part.js'
import { GRANT, LEAST_FEE } from './grants.js'
import { type LedgerDemoOptions, transfersIn } from './options.js'
import { OVERDRAWING_LINE, rightIn, type Wrong, wrongIn } from './wrong-transfers.js'

/** How many of all that is tried are not valid. */
const WRONG_SHARE = 1 / 4
/** The least fee is 1. */
const MOST_FEE = 3

/** All the choices of a run: who pays whom how much, and what is tried that is not valid. They follow from the seed. */
export class Choices {
  readonly #random: Random
  readonly #ordering: OrderingName
  /** Of one payment. */
  readonly #mostAmount: number
  /** Kinds that are not valid, in random order: each comes as often as the others. */
  #deck: Wrong[] = []
  #dealt = 0

  constructor(
    { seed, rate, duration, ordering }: LedgerDemoOptions,
    /** Who may be paid. */
    private readonly accounts: readonly string[]
  ) {
    this.#random = new Random(seed)
    this.#ordering = ordering
    // What a client has at first is enough for all that it pays. Without an order nobody needs that.
    const each = Math.floor(Number(GRANT) / Math.ceil(rate * duration)) - MOST_FEE
    this.#mostAmount = ordering === 'none' ? Number(GRANT) : Math.max(1, each)
  }

  /** Whether the next one is not to be valid. */
  isNextWrong(): boolean {
    return this.#random.next() < WRONG_SHARE
  }

  /** Whether each kind that is not valid has come. */
  get hasDealtAll(): boolean {
    return this.#dealt >= wrongIn(this.#ordering).length
  }

  wrong(): Wrong {
    if (this.#deck.length === 0) {
      const kinds = wrongIn(this.#ordering)
      this.#deck = this.#random.some(kinds, kinds.length)
    }
    const next = this.#deck.pop()
    if (next === undefined) throw new Error('there is no kind of transfer that is not valid')
    this.#dealt += 1
    return next
  }

  receiver(): string {
    const receiver = this.#random.pick(this.accounts)
    if (receiver === undefined) throw new Error('there is nobody to be paid')
    return receiver
  }

  payment(): Payment {
    const amount = BigInt(Math.floor(this.#random.between(1, this.#mostAmount + 1)))
    const fee = LEAST_FEE + BigInt(Math.floor(this.#random.between(0, MOST_FEE)))
    return { to: this.receiver(), amount, fee }
  }
}

/** Has all clients pay, one after the other, and forgers try what is not valid in between. Resolves when all was said. */
export async function sendAll(
  clients: readonly ClientPart[],
  forgers: readonly ForgerPart[],
  choices: Choices,
  options: LedgerDemoOptions,
  progress: Progress,
  signal: AbortSignal
): Promise<void> {
  const { ordering, rate, duration } = options
  const sending = progress.phase('sending', transfersIn(options), 'transfers tried')
  const trying: Promise<void>[] = []
  const tryWrong = (forger: ForgerPart | undefined, wrong: Wrong): void => {
    if (forger !== undefined) trying.push(forger.try(wrong, choices.receiver()))
  }
  for await (const index of ticks({ rate: rate * clients.length, duration }, signal)) {
    const client = clients[index % clients.length]
    if (client === undefined) continue
    if (choices.isNextWrong()) {
      const wrong = choices.wrong()
      tryWrong(forgers[index % forgers.length], wrong)
      if (wrong.line !== undefined) await client.payWrongly(wrong.line, choices.receiver())
    } else await client.pay(choices.payment())
    sending.advance()
  }
  // However short it was.
  while (!choices.hasDealtAll) tryWrong(forgers[0], choices.wrong())
  for (const wrong of rightIn(ordering))
    trying.push(...forgers.map(forger => forger.say(wrong, choices.receiver())))
  if (ordering !== 'none')
    for (const client of clients) await client.payWrongly(OVERDRAWING_LINE, choices.receiver())
  await Promise.all(trying)
}
