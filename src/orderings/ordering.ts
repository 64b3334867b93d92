import type { Header } from '../core/block.js'
import type { Fault } from '../core/fault.js'
import type { Stakes } from '../core/stakes.js'

/** Who extends the chain, when, and which of two chains counts. Clocks are arguments: ms since 1970. */
export interface Ordering {
  /** How many blocks a heavier branch may replace; 0: none, ever. */
  readonly maxReorg: number
  /** Whether message bodies are sealed to whoever orders, or open to all. */
  readonly bodies: 'sealed' | 'open'
  /** Age of the oldest pending message, ms, at which `due` may change its mind; undefined: it never does. */
  readonly patience: number | undefined
  /** What is wrong with a header as a child of `parent`, by this ordering's own rules. */
  verify(header: Header, parent: Header, stakes: Stakes, now: number): Fault | undefined
  weight(header: Header): bigint
  /** How many of `pending` messages the next block takes now; undefined while none is due. `oldest`: when the first of them came. */
  due(head: Header, pending: number, oldest: number, now: number): number | undefined
  /** The draft with this ordering's proof in it; undefined if someone else was faster or `signal` fired. */
  prove(
    draft: Header,
    parent: Header,
    stakes: Stakes,
    now: number,
    signal: AbortSignal
  ): Promise<Header | undefined>
}
