import type { PrivateKey } from '@libp2p/interface'
import type { LedgerSection } from '#src/applications/ledger/section.js'
import { encodeTransfer } from '#src/applications/ledger/transfer.js'
import type { PeerIdBytes } from '#src/core/bytes.js'
import { signerOf } from '#src/core/keys.js'
import type { Body } from '#src/core/message.js'
import type { Network } from '#src/core/network.js'
import { type Claim, type Made, Writer } from './authors.js'
import { identity, nameOf } from './networks.js'

/** What these have at first, by the names of their identities. */
export async function ledgerOf(
  grants: Readonly<Record<string, bigint>>,
  terms: { readonly reward?: bigint; readonly leastFee?: bigint } = {}
): Promise<LedgerSection> {
  const accounts = await Promise.all(
    Object.entries(grants).map(
      async ([name, units]) => [nameOf(await identity(name)), String(units)] as const
    )
  )
  return {
    type: 'ledger',
    accounts: Object.fromEntries(accounts),
    ...Object.fromEntries(Object.entries(terms).map(([name, units]) => [name, String(units)]))
  }
}

export interface PaymentWishes extends Partial<Claim> {
  readonly fee?: bigint
}

/** Someone who pays by hand, whatever there is on the account. */
export class Payer extends Writer {
  static async create({ network }: { readonly network: Network }, who: string | PrivateKey): Promise<Payer> {
    const key = typeof who === 'string' ? await identity(who) : who
    return new Payer(signerOf(key), network.id)
  }

  /** Under the next sequence unless another one is given. */
  pay(to: { readonly peerId: PeerIdBytes }, amount: bigint, wishes: PaymentWishes = {}): Made {
    const { fee = 0n, ...changes } = wishes
    return this.saying(encodeTransfer({ to: to.peerId, amount, fee }), changes)
  }

  /** Whatever these bytes are. */
  saying(bytes: Uint8Array, changes: Partial<Claim> = {}): Made {
    return this.signed(this.claim(changes), { kind: 'open', bytes })
  }

  protected override bodyOf(_claim: Claim, bytes: Uint8Array): Body {
    return { kind: 'open', bytes }
  }
}
