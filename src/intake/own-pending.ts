import type { AccountRules } from '../applications/application.js'
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
  readonly #tails = new Map<string, Tail>()

  constructor(
    private readonly chain: Pick<Chain, 'head' | 'state' | 'rules'>,
    private readonly pool: Pick<Mempool, 'waitingAs'>
  ) {}

  /** Why it is not, if it is not. */
  refusalOf(candidate: Candidate): Refusal | undefined {
    const { accounts } = this.chain.rules.application
    if (accounts === undefined) return undefined
    const outcome = this.#apply(this.#tailOf(accounts, candidate.author).state, candidate)
    return outcome.ok ? undefined : outcome.refusal
  }

  /** Whether one that waits can stand in a block behind what waits before it of its author. */
  covers({ author, sequence }: Candidate): boolean {
    const { accounts } = this.chain.rules.application
    if (accounts === undefined) return true
    const last = accounts.account(this.#tailOf(accounts, author).state, author)?.sequence
    return last !== undefined && sequence <= last
  }

  /** It has been taken into the pool. */
  added({ author }: Candidate): void {
    const name = toHex(author)
    const { accounts } = this.chain.rules.application
    const tail = this.#tails.get(name)
    if (accounts !== undefined && tail !== undefined)
      this.#tails.set(name, this.#follow(accounts, tail.state, author))
  }

  #tailOf(accounts: AccountRules<unknown>, author: PeerIdBytes): Tail {
    const { state } = this.chain
    const { id } = this.chain.head()
    if (this.#head === undefined || !equal(this.#head, id)) this.#tails.clear()
    this.#head = id
    const name = toHex(author)
    const known = this.#tails.get(name)
    if (known !== undefined) return known
    const tail = this.#follow(accounts, state, author)
    if (tail.state !== state) this.#tails.set(name, tail)
    return tail
  }

  /** Goes on by what waits under the account's next numbers, up to the first that is missing or not covered. */
  #follow(accounts: AccountRules<unknown>, state: unknown, author: PeerIdBytes): Tail {
    let last = state
    for (let sequence = (accounts.account(state, author)?.sequence ?? 0n) + 1n; ; sequence += 1n) {
      const next = this.pool.waitingAs({ author, sequence })
      const outcome = next && this.#apply(last, next)
      if (outcome?.ok !== true) return { state: last }
      last = outcome.state
    }
  }

  #apply(state: unknown, { envelope }: Candidate): ReturnType<Chain['rules']['application']['applyMessage']> {
    return this.chain.rules.application.applyMessage(state, decodeMessage(decodeEnvelope(envelope).payload))
  }
}

/** The state after the head and what is pending of an author. */
interface Tail {
  readonly state: unknown
}
