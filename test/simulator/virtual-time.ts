import { EPOCH } from '../helpers/blocks.js'
import { type Action, EventQueue } from './event-queue.js'

/** A clock that goes as fast as what happens in it can be worked off: one event after the other, never two at once. */
export class VirtualTime {
  readonly #queue = new EventQueue()
  #now = 0

  /** ms since the start. */
  get now(): number {
    return this.#now
  }

  /** As the clocks of peers have it, which all go alike: whole ms since 1970. */
  get clock(): number {
    return EPOCH + Math.floor(this.#now)
  }

  at(time: number, action: Action): void {
    this.#queue.add(Math.max(time, this.#now), action)
  }

  after(delay: number, action: Action): void {
    this.at(this.#now + delay, action)
  }

  /** Works off all that happens up to `end`. */
  async run(end: number): Promise<void> {
    for (let { next } = this.#queue; next !== undefined && next <= end; next = this.#queue.next) {
      this.#now = next
      const running = this.#queue.take()?.action()
      if (running !== undefined) await running
    }
    this.#now = end
  }
}
