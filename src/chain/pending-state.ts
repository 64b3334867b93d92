import { decodeEnvelope } from '../core/envelope.js'
import { decodeMessage, type Message } from '../core/message.js'
import type { Refusal } from '../core/refusal.js'
import type { Candidate } from './candidate.js'
import type { Chain } from './chain.js'

/**
 * The state after the head and all messages that wait for a block, in the order in which they will stand in it. What
 * blocks bring at their ends may not be in it yet: that only ever adds, so whatever is valid here is valid at its
 * place.
 */
export class PendingState {
  #state: unknown
  #isBehind = false
  /** Those that wait, in their order: to read a message takes as long as to apply it. */
  readonly #waiting: Message[] = []

  private constructor(private readonly chain: Pick<Chain, 'rules' | 'state'>) {
    this.#state = chain.state
  }

  /** While nothing waits. Undefined where there is no state: then this costs nothing. */
  static after(chain: Pick<Chain, 'rules' | 'state'>): PendingState | undefined {
    return chain.rules.application.isStateless ? undefined : new PendingState(chain)
  }

  /** Adds a message, or says why it is not valid after all that waits. */
  add({ envelope }: Pick<Candidate, 'envelope'>): Refusal | undefined {
    const message = decodeMessage(decodeEnvelope(envelope).payload)
    const refusal = this.#apply(message)
    if (refusal === undefined) this.#waiting.push(message)
    return refusal
  }

  /** The first `count` messages that wait. */
  first(count: number): readonly Message[] {
    return this.#waiting.slice(0, count)
  }

  /**
   * The head has taken the first `count` messages. While more than that wait still it is left behind: so each message
   * is looked at twice at most, however many wait.
   */
  headMoved(count: number): void {
    this.#waiting.splice(0, count)
    this.#isBehind = true
    if (this.#waiting.length <= count) this.catchUp(0)
  }

  /** Takes in what blocks have brought at their ends. `ordered`: how many of those that wait the head has taken already. */
  catchUp(ordered: number): void {
    if (!this.#isBehind) return
    this.#isBehind = false
    this.#state = this.chain.state
    for (const message of this.#waiting.slice(ordered)) {
      const refusal = this.#apply(message)
      if (refusal !== undefined)
        throw new Error(`a block has made a waiting message invalid: ${refusal.detail}`)
    }
  }

  #apply(message: Message): Refusal | undefined {
    const outcome = this.chain.rules.application.applyMessage(this.#state, message)
    if (!outcome.ok) return outcome.refusal
    this.#state = outcome.state
    return undefined
  }
}
