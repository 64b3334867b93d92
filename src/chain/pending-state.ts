import { decodeEnvelope } from '../core/envelope.js'
import { decodeMessage } from '../core/message.js'
import type { Refusal } from '../core/refusal.js'
import type { Candidate } from './candidate.js'
import type { Chain } from './chain.js'

type Waiting = Pick<Candidate, 'envelope'>

/**
 * The state after the head and all messages that wait for a block, in the order in which they will stand in it. What
 * blocks bring at their ends may not be in it yet: that only ever adds, so whatever is valid here is valid at its
 * place.
 */
export class PendingState {
  #state: unknown
  #isBehind = false

  private constructor(private readonly chain: Pick<Chain, 'rules' | 'state'>) {
    this.#state = chain.state
  }

  /** While nothing waits. Undefined where there is no state: then this costs nothing. */
  static after(chain: Pick<Chain, 'rules' | 'state'>): PendingState | undefined {
    return chain.rules.application.isStateless ? undefined : new PendingState(chain)
  }

  /** Adds a message, or says why it is not valid after all that waits. */
  add({ envelope }: Waiting): Refusal | undefined {
    const message = decodeMessage(decodeEnvelope(envelope).payload)
    const outcome = this.chain.rules.application.applyMessage(this.#state, message)
    if (!outcome.ok) return outcome.refusal
    this.#state = outcome.state
    return undefined
  }

  /**
   * The head has taken `count` messages, and these wait still. While they are more than that it is left behind: so
   * each message is looked at twice at most, however many wait.
   */
  headMoved(count: number, waiting: readonly Waiting[]): void {
    this.#isBehind = true
    if (waiting.length <= count) this.catchUp(waiting)
  }

  /** Takes in what blocks have brought at their ends. `waiting`: what is in no block of the chain now. */
  catchUp(waiting: readonly Waiting[]): void {
    if (!this.#isBehind) return
    this.#isBehind = false
    this.#state = this.chain.state
    for (const message of waiting) {
      const refusal = this.add(message)
      if (refusal !== undefined)
        throw new Error(`a block has made a waiting message invalid: ${refusal.detail}`)
    }
  }
}
