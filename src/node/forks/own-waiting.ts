import type { Candidate } from '../../chain/candidate.js'
import type { Chain } from '../../chain/chain.js'
import type { Pool } from '../../chain/pool.js'
import { equal, type Hash, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { decodeEnvelope } from '../../core/envelope.js'
import { decodeMessage } from '../../core/message.js'
import type { Refusal } from '../../core/refusal.js'

/** The state after the head and what waits of one author, as far as it is valid. */
interface Tail {
  readonly state: unknown
  /** Whether all that waits of the author is in it. */
  readonly isWhole: boolean
}

/**
 * Whether a message is valid after the head and what waits of its own author. What waits of others may stand in a
 * block before it or behind it, so that it is not counted on.
 */
export class OwnWaiting {
  #head: Hash | undefined
  /** By author in hex: of those who have something waiting. */
  readonly #tails = new Map<string, Tail>()

  constructor(
    private readonly chain: Pick<Chain, 'head' | 'state' | 'rules'>,
    private readonly pool: Pick<Pool, 'waitingOf'>
  ) {}

  /** Why it is not, if it is not. */
  refusalOf(candidate: Candidate): Refusal | undefined {
    if (this.chain.rules.application.isStateless) return undefined
    const outcome = this.#apply(this.#tailOf(candidate.author).state, candidate)
    return outcome.ok ? undefined : outcome.refusal
  }

  /** It has been taken into the pool. */
  added(candidate: Candidate): void {
    if (this.chain.rules.application.isStateless) return
    const author = toHex(candidate.author)
    const tail = this.#tails.get(author)
    const outcome = tail?.isWhole === true ? this.#apply(tail.state, candidate) : undefined
    if (outcome?.ok === true) this.#tails.set(author, { state: outcome.state, isWhole: true })
    else this.#tails.delete(author)
  }

  #tailOf(author: PeerIdBytes): Tail {
    const { id } = this.chain.head()
    if (this.#head === undefined || !equal(this.#head, id)) this.#tails.clear()
    this.#head = id
    const name = toHex(author)
    const known = this.#tails.get(name)
    if (known !== undefined) return known
    let { state } = this.chain
    let isWhole = true
    const waiting = this.pool.waitingOf(author)
    for (const message of waiting) {
      const outcome = this.#apply(state, message)
      if (outcome.ok) state = outcome.state
      else isWhole = false
    }
    const tail = { state, isWhole }
    if (waiting.length > 0) this.#tails.set(name, tail)
    return tail
  }

  #apply(state: unknown, { envelope }: Candidate): ReturnType<Chain['rules']['application']['applyMessage']> {
    return this.chain.rules.application.applyMessage(state, decodeMessage(decodeEnvelope(envelope).payload))
  }
}
