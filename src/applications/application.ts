import type { Header } from '../core/block.js'
import type { Hash } from '../core/bytes.js'
import type { Message } from '../core/message.js'
import type { Refusal } from '../core/refusal.js'
import type { Stakes } from '../core/stakes.js'

export type Applied<State> =
  | { readonly ok: true; readonly state: State }
  | { readonly ok: false; readonly index: number; readonly refusal: Refusal }

/**
 * What messages mean. State is an immutable value: a rollback moves the head and needs no undo code.
 * `apply` alone decides whether a message is valid at its place, so that intake, import and recovery
 * cannot disagree.
 */
export interface Application<State> {
  /** Whether nothing that is said changes the state. */
  readonly isStateless: boolean
  /** Whether a body says something in this application, whatever came before it. */
  checkBody(body: Uint8Array): Refusal | undefined
  genesis(): State
  /** The state after a block's messages, in order, or the first that is not valid at its place. */
  apply(state: State, header: Header, messages: Iterable<Message>): Applied<State>
  digest(state: State): Hash
  stakes(state: State): Stakes
}
