export type Action = () => void | Promise<void>

interface Event {
  readonly at: number
  /** Of two events at one time the one that was added first comes first. */
  readonly number: number
  readonly action: Action
}

/** What is going to happen, the earliest first: a binary heap. */
export class EventQueue {
  readonly #heap: Event[] = []
  #added = 0

  add(at: number, action: Action): void {
    const event = { at, number: this.#added, action }
    this.#added += 1
    let hole = this.#heap.push(event) - 1
    while (hole > 0) {
      const above = (hole - 1) >> 1
      const parent = this.#heap[above]
      if (parent === undefined || !isBefore(event, parent)) break
      this.#heap[hole] = parent
      hole = above
    }
    this.#heap[hole] = event
  }

  /** When the earliest event is; undefined where there is none. */
  get next(): number | undefined {
    return this.#heap[0]?.at
  }

  take(): Event | undefined {
    const [first] = this.#heap
    const last = this.#heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    let hole = 0
    for (;;) {
      const child = this.#earlierChild(hole)
      const event = this.#heap[child]
      if (event === undefined || !isBefore(event, last)) break
      this.#heap[hole] = event
      hole = child
    }
    this.#heap[hole] = last
    return first
  }

  #earlierChild(hole: number): number {
    const left = this.#heap[2 * hole + 1]
    const right = this.#heap[2 * hole + 2]
    return left && right && isBefore(right, left) ? 2 * hole + 2 : 2 * hole + 1
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.number < other.number)
}
