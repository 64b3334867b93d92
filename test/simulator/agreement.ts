import type { FoundBlock } from './found-blocks.js'

/** How many peers that are on line stand on which head, and how long it took them to agree after partitions. */
export class Agreement {
  readonly #standing = new Map<FoundBlock | undefined, number>()
  #healedAt: number | undefined
  /** ms, after each partition that had parted them. */
  readonly times: number[] = []
  /** Partitions after which they had not agreed when the next one came, or the end. */
  unfinished = 0

  get isOne(): boolean {
    return this.#standing.size <= 1
  }

  /** How many different heads there are. */
  get heads(): number {
    return this.#standing.size
  }

  enter(head: FoundBlock | undefined, now: number): void {
    this.#standing.set(head, (this.#standing.get(head) ?? 0) + 1)
    this.#note(now)
  }

  leave(head: FoundBlock | undefined, now: number): void {
    const left = (this.#standing.get(head) ?? 0) - 1
    if (left > 0) this.#standing.set(head, left)
    else this.#standing.delete(head)
    this.#note(now)
  }

  healed(now: number): void {
    if (this.#healedAt !== undefined) this.unfinished += 1
    this.#healedAt = now
    this.#note(now)
  }

  #note(now: number): void {
    if (this.#healedAt === undefined || !this.isOne) return
    this.times.push(now - this.#healedAt)
    this.#healedAt = undefined
  }
}
