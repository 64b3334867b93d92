import type { Header, HeaderRules, SignedHeader } from '../core/block.js'
import type { Fault } from '../core/fault.js'
import type { Stakes } from '../core/stakes.js'

/** The headers before a block, its parent first and never more than `lookback` of them. */
export type Ancestors = readonly [parent: Header, ...older: Header[]]

/** Who extends the chain, when, and which of two chains counts. Pure rules; clocks are arguments, ms since 1970. */
export interface Ordering extends HeaderRules {
  /** How many blocks a heavier branch may replace; 0: none, ever. */
  readonly maxReorg: number
  /** Whether message bodies are sealed to whoever orders, or open to all. */
  readonly bodies: 'sealed' | 'open'
  /** Age of the oldest pending message, ms, at which `due` may change its mind; undefined: it never does. */
  readonly maxPendingAge: number | undefined
  /** When the genesis was, ms since 1970. */
  readonly genesisTime: number
  /** How many ancestors of a block its rules look at; the parent is one. */
  readonly lookback: number
  /** What is wrong with a header as a child of the first of `ancestors`, beside what `screen` finds. */
  verify(header: Header, ancestors: Ancestors, stakes: Stakes, now: number): Fault | undefined
  /** What is wrong with a header as the head of any chain at this time, whatever stands before it, beside what `screen` finds. */
  screenHead(header: Header, now: number): Fault | undefined
  weight(header: Header): bigint
  /** Below 0 where `one` is to be the head rather than `other`, both with the same total weight. */
  compare(one: SignedHeader, other: SignedHeader): number
  /**
   * How many of `pending` messages the next block takes now; undefined while none is due. `oldest`: when the first of them
   * came, by the same clock as `now`, which is monotonic: what matters is how long ago that was.
   */
  due(head: Header, pending: number, oldest: number, now: number): number | undefined
  /** The draft with all in it that this ordering asks of it, up to the proof that may take long to find. */
  prepare(draft: Header, ancestors: Ancestors): Header
}
