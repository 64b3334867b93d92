import type { EventOf, LocalEvent, Peer } from '../../localnet/index.js'
import type { SignedTransfer } from './signed-transfer.js'
import type { WrongLine } from './wrong-transfers.js'

/** What a client is to pay. */
export type Payment = Pick<SignedTransfer, 'to' | 'amount' | 'fee'>

/** One client: what it was given to send, and what it says became of that. */
export class ClientPart {
  readonly #payments: Payment[] = []
  /** With what reasons it must refuse others, in this order. */
  readonly reasons: string[] = []
  /** Sequences of what was taken, in digits. */
  readonly #taken = new Set<string>()
  readonly #refused: EventOf<'refused'>[] = []

  constructor(
    readonly client: Peer,
    readonly account: string
  ) {}

  get name(): string {
    return this.client.name
  }

  /** How many it was given that it must take. */
  get payments(): number {
    return this.#payments.length
  }

  get refused(): readonly EventOf<'refused'>[] {
    return this.#refused
  }

  /** Those that a peer has taken from it. It gives numbers in the order of its input, without a gap. */
  get taken(): SignedTransfer[] {
    return this.#payments
      .map((payment, index) => ({ author: this.account, sequence: BigInt(index + 1), ...payment }))
      .filter(({ sequence }) => this.#taken.has(String(sequence)))
  }

  async pay(payment: Payment): Promise<void> {
    this.#payments.push(payment)
    const { to, amount, fee } = payment
    await this.client.write({ to, amount: String(amount), fee: String(fee) })
  }

  async payWrongly({ reason, say }: WrongLine, to: string): Promise<void> {
    this.reasons.push(reason)
    await this.client.write({ ...say(to) })
  }

  hear(event: LocalEvent): void {
    if (event.event === 'receipt' || event.event === 'accepted') this.#taken.add(String(event.sequence))
    if (event.event === 'refused') this.#refused.push(event)
  }
}
