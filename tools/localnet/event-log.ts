import { inTime } from './deadline.js'
import type { EventName, EventOf, LocalEvent } from './peer-events.js'

export interface WaitOptions {
  /** ms; 30,000 where it is left out. */
  readonly within?: number
}

const PATIENCE_MS = 30_000
/** Older events are forgotten: a peer may run for days. Who wants them all listens. */
const KEPT = 50_000

/** The events of one run of a peer, and those who wait for one. */
export class EventLog {
  #events: LocalEvent[] = []
  readonly #waiters = new Set<(event: LocalEvent) => void>()
  readonly #end = Promise.withResolvers<never>()

  /** `failure` makes the error of a wait that comes to nothing. */
  constructor(private readonly failure: (problem: string) => Error) {
    // Whoever waits hears of it; nobody has to.
    this.#end.promise.catch(() => undefined)
  }

  get events(): readonly LocalEvent[] {
    return this.#events
  }

  add(event: LocalEvent): void {
    this.#events.push(event)
    if (this.#events.length >= 2 * KEPT) this.#events = this.#events.slice(-KEPT)
    for (const offer of this.#waiters) offer(event)
  }

  /** Nothing more will come. */
  end(how: string): void {
    this.#end.reject(this.failure(how))
  }

  /** The first event that fits, whether it has come already or is yet to come. */
  async first<Name extends EventName>(
    name: Name,
    fits: (event: EventOf<Name>) => boolean,
    options: WaitOptions
  ): Promise<EventOf<Name>> {
    const isIt = (event: LocalEvent): event is EventOf<Name> => isNamed(event, name) && fits(event)
    const earlier = this.#events.find(isIt)
    if (earlier !== undefined) return earlier
    const found = Promise.withResolvers<EventOf<Name>>()
    const offer = (event: LocalEvent): void => {
      try {
        if (isIt(event)) found.resolve(event)
      } catch (error) {
        found.reject(error)
      }
    }
    this.#waiters.add(offer)
    try {
      const ms = options.within ?? PATIENCE_MS
      const late = (): Error => this.failure(`no such "${name}" event came within ${ms} ms`)
      return await inTime(Promise.race([found.promise, this.#end.promise]), ms, late)
    } finally {
      this.#waiters.delete(offer)
    }
  }
}

function isNamed<Name extends EventName>(event: LocalEvent, name: Name): event is EventOf<Name> {
  return event.event === name
}
