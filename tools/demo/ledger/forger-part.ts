import type { EnvelopeBytes, Hash } from '#src/core/bytes.js'
import { GRANT, LEAST_FEE } from './grants.js'
import type { Holder } from './holder.js'
import { readSigned, type SignedTransfer, signTransfer } from './signed-transfer.js'
import type { Stranger, Told } from './stranger.js'
import type { Wrong } from './wrong-transfers.js'

/** A transfer that is not valid, and what became of it. */
export interface Attempt {
  readonly wrong: Wrong
  readonly told: Told
}

/** It never pays again, so that this number stays the next one. */
const NEXT = 2n

/** Somebody whose account has paid once, and who then tries everything that is not allowed. */
export class ForgerPart {
  readonly attempts: Attempt[] = []
  /** What no order makes valid that an order would not. */
  readonly counted: (Attempt & { readonly transfer: SignedTransfer })[] = []

  private constructor(
    private readonly holder: Holder,
    private readonly network: Hash,
    private readonly stranger: Stranger,
    private readonly first: EnvelopeBytes
  ) {}

  /** Pays once. Whether that was taken shows with the peers. */
  static async begin(holder: Holder, network: Hash, stranger: Stranger, to: string): Promise<ForgerPart> {
    const payment = { sequence: 1n, to, amount: GRANT / 2n, fee: LEAST_FEE }
    const first = signTransfer(holder.signer, network, payment)
    await stranger.hand(first)
    return new ForgerPart(holder, network, stranger, first)
  }

  /** What it paid. */
  get paid(): SignedTransfer {
    return readSigned(this.first)
  }

  async try(wrong: Wrong, to: string): Promise<void> {
    this.attempts.push({ wrong, told: await this.stranger.hand(this.#make(wrong, to)) })
  }

  /** Where it counts. */
  async say(wrong: Wrong, to: string): Promise<void> {
    const envelope = this.#make(wrong, to)
    const told = await this.stranger.hand(envelope)
    this.counted.push({ wrong, told, transfer: readSigned(envelope) })
  }

  #make(wrong: Wrong, to: string): EnvelopeBytes {
    const { network, first } = this
    return wrong.make({ signer: this.holder.signer, network, next: NEXT, to, first })
  }
}
