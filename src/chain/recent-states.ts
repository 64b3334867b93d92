import { LIMITS } from '../core/limits.js'
import type { Cursor } from './cursor.js'
import type { Switch } from './fork-tree.js'

/** A block of the main chain and the state after it. */
export type KeptState = Pick<Cursor, 'signed' | 'state'>

/**
 * The states after the last blocks of the main chain, to be asked. They share all that did not change between them,
 * so that what they take grows with the messages in these blocks.
 */
export class RecentStates {
  /** By height, in ascending order without a gap; the last one is the head's. */
  readonly #kept = new Map<number, KeptState>()
  #messages = 0

  constructor(genesis: KeptState) {
    this.#keep(genesis)
  }

  /** The lowest height whose state is kept. */
  get oldest(): number {
    const [oldest = 0] = this.#kept.keys()
    return oldest
  }

  at(height: number): KeptState | undefined {
    return this.#kept.get(height)
  }

  /** The head has moved. */
  follow({ detached, attached }: Switch): void {
    for (const { cursor } of detached) this.#drop(cursor.signed.header.height)
    for (const { cursor } of attached) this.#keep(cursor)
    const { blocks, messages } = LIMITS.keptStates
    while (this.#kept.size > 1 && (this.#kept.size > blocks || this.#messages > messages))
      this.#drop(this.oldest)
  }

  #keep({ signed, state }: KeptState): void {
    this.#kept.set(signed.header.height, { signed, state })
    this.#messages += signed.header.count
  }

  #drop(height: number): void {
    const kept = this.#kept.get(height)
    if (kept === undefined) return
    this.#kept.delete(height)
    this.#messages -= kept.signed.header.count
  }
}
