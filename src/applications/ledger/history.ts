import type { Header } from '../../core/block.js'
import { equal, type PeerIdBytes } from '../../core/bytes.js'
import type { Message } from '../../core/message.js'
import type { Account } from './account.js'
import { decodeTransfer } from './transfer.js'

/** What a transfer is to an account. `kept`: to itself. */
export interface Movement {
  readonly kind: 'sent' | 'received' | 'kept'
  readonly other: PeerIdBytes
  /** The number in the account that paid. */
  readonly sequence: bigint
  readonly amount: bigint
  readonly fee: bigint
}

export type HistoryEntry =
  | (Movement & { readonly position: number })
  /** Fees and a reward, for having made the block. */
  | { readonly kind: 'produced'; readonly amount: bigint }

/** Undefined where the account has no part in the transfer, which was found valid. */
export function movementOf(id: PeerIdBytes, { author, sequence, body }: Message): Movement | undefined {
  if (body.kind !== 'open') throw new TypeError('a transfer that was found valid is open')
  const { to, amount, fee } = decodeTransfer(body.bytes)
  const [isSent, isReceived] = [equal(author, id), equal(to, id)]
  if (!isSent && !isReceived) return undefined
  const kind = isSent && isReceived ? 'kept' : isSent ? 'sent' : 'received'
  return { kind, other: isSent ? to : author, sequence, amount, fee }
}

/** What changed an account, block by block. */
export class AccountHistory {
  #balance: bigint

  constructor(
    private readonly id: PeerIdBytes,
    genesis: Account | undefined
  ) {
    this.#balance = genesis?.balance ?? 0n
  }

  /** In the order in which they stand in the next block, which has been verified. `after`: what the account has then. */
  entriesOf(
    { size, count }: Header,
    messages: Iterable<Message>,
    after: Account | undefined
  ): HistoryEntry[] {
    const entries: HistoryEntry[] = []
    let balance = this.#balance
    let position = size - count
    for (const message of messages) {
      const movement = movementOf(this.id, message)
      if (movement !== undefined) {
        const { kind, amount, fee } = movement
        if (kind !== 'received') balance -= amount + fee
        if (kind !== 'sent') balance += amount
        entries.push({ ...movement, position })
      }
      position += 1
    }
    this.#balance = after?.balance ?? 0n
    if (this.#balance !== balance) entries.push({ kind: 'produced', amount: this.#balance - balance })
    return entries
  }
}
