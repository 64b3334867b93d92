import type { Header } from '../core/block.js'
import type { Hash } from '../core/bytes.js'
import type { Message } from '../core/message.js'
import type { Refusal } from '../core/refusal.js'
import type { Stakes } from '../core/stakes.js'

/** What a message makes of a state, or why it is not valid there. */
export type Outcome<State> =
  | { readonly ok: true; readonly state: State }
  | { readonly ok: false; readonly refusal: Refusal }

/** What a block makes of a state, or the index of the first message that is not valid at its place. */
export type Applied<State> =
  | { readonly ok: true; readonly state: State }
  | { readonly ok: false; readonly index: number; readonly refusal: Refusal }

/**
 * `new`: the body was not taken before. `stored`: it stands in a sequencer's log, which may have been begun under rules
 * without the limits of today; what was taken then stays taken.
 */
export type BodyAge = 'new' | 'stored'

export type EncodedBody = { readonly body: Uint8Array } | { readonly refusal: Refusal }

/**
 * What messages mean. State is an immutable value: a rollback moves the head and needs no undo code.
 * `applyMessage` alone decides whether a message is valid at its place, so that intake, the choice of messages for
 * a block, import and recovery cannot disagree.
 */
export interface Application<State> {
  /** Whether nothing that is said changes the state. Where something does, bodies are open: everybody must read them. */
  readonly isStateless: boolean
  /** Whether a body says something in this application, whatever came before it. */
  checkBody(body: Uint8Array, age?: BodyAge): Refusal | undefined
  /** The body of a message that says a JSON value, or why it may not be said. */
  encodeBody(value: unknown): EncodedBody
  genesis(): State
  /** Where there is a state, it refuses what does not fit it, and whatever `checkBody` refuses. */
  applyMessage(state: State, message: Message): Outcome<State>
  /** Once after the last message of a block: what the block itself brings. Never makes a message invalid that was valid. */
  endBlock(state: State, header: Header): State
  /** Of a state between two blocks. */
  digest(state: State): Hash
  stakes(state: State): Stakes
}

/** The state after a block whose messages are all valid, each at its place. */
export function applyBlock<State>(
  application: Application<State>,
  before: State,
  header: Header,
  messages: Iterable<Message>
): Applied<State> {
  let state = before
  if (!application.isStateless) {
    let index = 0
    for (const message of messages) {
      const outcome = application.applyMessage(state, message)
      if (!outcome.ok) return { ...outcome, index }
      state = outcome.state
      index += 1
    }
  }
  return { ok: true, state: application.endBlock(state, header) }
}
