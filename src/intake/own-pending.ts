import { LedgerState } from '../applications/ledger/state.js'
import type { Candidate } from '../chain/candidate.js'
import type { Chain } from '../chain/chain.js'
import type { Mempool } from '../chain/mempool.js'
import { equal, type Hash, type PeerIdBytes, toHex } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import { decodeMessage } from '../core/message.js'
import type { Refusal } from '../core/refusal.js'

/**
 * Whether a message is valid after the head and what waits of its own author. What waits of others may stand in a
 * block before it or behind it, so that it is not counted on.
 */
export class OwnPending {
  #head: Hash | undefined
  /**
   * The state after the head and what waits of an author, as far as that is valid, by the author in hex. Each message
   * goes into it once while the head stays, however many wait.
   */
  readonly #tails = new Map<string, LedgerState>()

  constructor(
    private readonly chain: Pick<Chain, 'head' | 'state' | 'rules'>,
    private readonly pool: Pick<Mempool, 'waitingAs'>
  ) {}

  /** Why it is not, if it is not. */
  refusalOf(candidate: Candidate): Refusal | undefined {
    const tail = this.#tailOf(candidate.author)
    if (tail === undefined) return undefined
    const outcome = this.#apply(tail, candidate)
    return outcome.ok ? undefined : outcome.refusal
  }

  /** Whether one that waits can stand in a block behind what waits before it of its author. */
  covers({ author, sequence }: Candidate): boolean {
    const last = this.#tailOf(author)?.account(author)?.sequence
    return this.chain.rules.application.isStateless || (last !== undefined && sequence <= last)
  }

  /** It has been taken into the pool. */
  added({ author }: Candidate): void {
    const name = toHex(author)
    const tail = this.#tails.get(name)
    if (tail !== undefined) this.#tails.set(name, this.#follow(tail, author))
  }

  /** Undefined where there are no accounts. */
  #tailOf(author: PeerIdBytes): LedgerState | undefined {
    const { state } = this.chain
    if (!(state instanceof LedgerState)) return undefined
    const { id } = this.chain.head()
    if (this.#head === undefined || !equal(this.#head, id)) this.#tails.clear()
    this.#head = id
    const name = toHex(author)
    const known = this.#tails.get(name)
    if (known !== undefined) return known
    const tail = this.#follow(state, author)
    if (tail !== state) this.#tails.set(name, tail)
    return tail
  }

  /** Goes on by what waits under the account's next numbers, up to the first that is missing or not covered. */
  #follow(state: LedgerState, author: PeerIdBytes): LedgerState {
    let last = state
    for (let sequence = (state.account(author)?.sequence ?? 0n) + 1n; ; sequence += 1n) {
      const next = this.pool.waitingAs({ author, sequence })
      const outcome = next && this.#apply(last, next)
      if (outcome?.ok !== true || !(outcome.state instanceof LedgerState)) return last
      last = outcome.state
    }
  }

  #apply(state: unknown, { envelope }: Candidate): ReturnType<Chain['rules']['application']['applyMessage']> {
    return this.chain.rules.application.applyMessage(state, decodeMessage(decodeEnvelope(envelope).payload))
  }
}
