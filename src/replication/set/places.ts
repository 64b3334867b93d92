import { LIMITS } from '../../core/limits.js'

interface Waiting {
  readonly name: string
  readonly enter: () => void
}

/** How often the next place goes to whoever waits longest, whatever he made of his last one. */
const FOR_ANYONE = 4

/**
 * A few places for many, in the order in which they ask. Who made nothing of his last place comes after all others, but
 * gets one in the end: so nobody can keep the places taken, and nobody is shut out.
 */
export class Places {
  readonly #waiting: Waiting[] = []
  /** Those who made nothing of their last place; the oldest are forgotten. */
  readonly #idle = new Set<string>()
  #free: number
  #given = 0

  constructor(count: number) {
    this.#free = count
  }

  /** Resolves when there is a place. Whoever has it gives it back by `leave`. */
  enter(name: string): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push({ name, enter: resolve })
      this.#fill()
    })
  }

  leave(name: string, isOfUse: boolean): void {
    this.#idle.delete(name)
    if (!isOfUse) this.#idle.add(name)
    const [oldest] = this.#idle
    if (this.#idle.size > LIMITS.rememberedRates && oldest !== undefined) this.#idle.delete(oldest)
    this.#free += 1
    this.#fill()
  }

  #fill(): void {
    if (this.#free === 0 || this.#waiting.length === 0) return
    this.#given += 1
    const isForAnyone = this.#given % FOR_ANYONE === 0
    const index = isForAnyone ? 0 : this.#waiting.findIndex(({ name }) => !this.#idle.has(name))
    const [next] = this.#waiting.splice(Math.max(0, index), 1)
    this.#free -= 1
    next?.enter()
  }
}
