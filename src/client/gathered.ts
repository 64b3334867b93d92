import type { Draft } from './outbox-entries.js'
import type { StoredDrafts } from './stored-drafts.js'

/** What was handed in and is not signed yet, in order, with what earlier runs have left. What waits for a key is on disk. */
export class Gathered {
  #drafts: Draft[]

  constructor(private readonly stored: StoredDrafts) {
    this.#drafts = [...stored.left]
  }

  get size(): number {
    return this.#drafts.length
  }

  /** Whether some of them would be lost with this process, and can be stored. */
  get hasLoose(): boolean {
    return this.#drafts.some(isLoose)
  }

  add(draft: Draft): void {
    this.#drafts.push(draft)
  }

  first(count: number): readonly Draft[] {
    return this.#drafts.slice(0, count)
  }

  /** The first ones are messages now. */
  signed(count: number): void {
    this.#drafts.splice(0, count)
  }

  /** Stores those that would be lost with this process. Throws what the disk says; then they stay as they are. */
  async store(): Promise<void> {
    const count = this.#drafts.length
    const stored = await this.stored.store(this.#drafts.filter(isLoose))
    this.#drafts = this.#drafts.map((draft, index) =>
      index < count && isLoose(draft) ? (stored.shift() ?? draft) : draft
    )
  }

  /** Forgets all that fit, and gives them. */
  remove(isLost: (draft: Draft) => boolean): readonly Draft[] {
    const lost = this.#drafts.filter(isLost)
    this.#drafts = this.#drafts.filter(draft => !isLost(draft))
    return lost
  }
}

/** Payments are not stored without their message: their numbers are taken, and what they may pay is known. */
export function isLoose({ payment, storedAt }: Draft): boolean {
  return payment === undefined && storedAt === undefined
}
