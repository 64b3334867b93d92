import type { VirtualTime } from './virtual-time.js'

/** What must hold all the time, whatever the network does. */
export type Invariant =
  | 'one head'
  | 'heaviest'
  | 'weight'
  | 'valid'
  | 'depth'
  | 'once'
  | 'receipts'
  | 'reopened'

/** After so many of one invariant it is clear enough. */
const MOST_TOLD = 3

/** What was seen that must not be, as it was seen. */
export class Violations {
  readonly #byInvariant = new Map<Invariant, string[]>()

  constructor(private readonly time: VirtualTime) {}

  add(invariant: Invariant, who: string, detail: string): void {
    const seen = this.#byInvariant.get(invariant) ?? []
    this.#byInvariant.set(invariant, seen)
    seen.push(`${who} after ${(this.time.now / 1000).toFixed(3)} s: ${detail}`)
  }

  /** The first ones. */
  of(invariant: Invariant): readonly string[] {
    const seen = this.#byInvariant.get(invariant) ?? []
    const others = seen.length - MOST_TOLD
    return others > 0 ? [...seen.slice(0, MOST_TOLD), `… and ${others} more`] : seen
  }
}
