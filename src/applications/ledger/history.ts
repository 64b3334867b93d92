import type { Header } from '../../core/block.js'
import { equal, type PeerIdBytes } from '../../core/bytes.js'
import type { Message } from '../../core/message.js'
import type { LedgerState } from './state.js'
import { decodeTransfer } from './transfer.js'

export type HistoryEntry =
  /** `kept`: to itself. */
  | {
      readonly kind: 'sent' | 'received' | 'kept'
      readonly position: number
      readonly other: PeerIdBytes
      /** The number in the account that paid. */
      readonly sequence: bigint
      readonly amount: bigint
      readonly fee: bigint
    }
  /** Fees and a reward, for having made the block. */
  | { readonly kind: 'produced'; readonly amount: bigint }

/** What changed an account, block by block. */
export class AccountHistory {
  #balance: bigint

  constructor(
    private readonly id: PeerIdBytes,
    genesis: LedgerState
  ) {
    this.#balance = genesis.account(id)?.balance ?? 0n
  }

  /** In the order in which they stand in the next block, which has been verified. `after`: the state after it. */
  entriesOf({ size, count }: Header, messages: Iterable<Message>, after: LedgerState): HistoryEntry[] {
    const entries: HistoryEntry[] = []
    let balance = this.#balance
    let position = size - count
    for (const { author, sequence, body } of messages) {
      if (body.kind !== 'open') throw new TypeError('a transfer in a block is open')
      const { to, amount, fee } = decodeTransfer(body.bytes)
      const [isSent, isReceived] = [equal(author, this.id), equal(to, this.id)]
      if (isSent) balance -= amount + fee
      if (isReceived) balance += amount
      const kind = isSent && isReceived ? 'kept' : isSent ? 'sent' : 'received'
      if (isSent || isReceived)
        entries.push({ kind, position, other: isSent ? to : author, sequence, amount, fee })
      position += 1
    }
    this.#balance = after.account(this.id)?.balance ?? 0n
    if (this.#balance !== balance) entries.push({ kind: 'produced', amount: this.#balance - balance })
    return entries
  }
}
