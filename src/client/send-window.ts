import { type Hash, toHex } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Unreceipted } from './outbox-entries.js'

/** A message that was sent and has no receipt. */
export interface Flight {
  readonly message: Unreceipted
  /** Counts the messages sent, first sends and resends alike. */
  readonly order: number
  readonly firstSent: number
  /** Gossip had a stream to put it on. */
  readonly isOut: boolean
  readonly attempts: number
  /** Not before this, however late its receipt seems. */
  readonly resendAt: number
}

/** The messages that are on their way, at most so many and so large at once. Times are those of a monotonic clock, ms. */
export class SendWindow {
  /** By leaf in hex. */
  readonly #flights = new Map<string, Flight>()
  /** Of the messages in there. */
  #bytes = 0
  #orders = 0
  /** The newest message that has its receipt, when that came, and how long it had taken. */
  #progress = { order: -1, at: 0, ms: 0 }

  /** How many more may be sent now. The last of them may reach over the bytes. */
  get room(): number {
    return this.#bytes < LIMITS.clientWindowBytes ? LIMITS.clientWindow - this.#flights.size : 0
  }

  all(): readonly Flight[] {
    return [...this.#flights.values()]
  }

  find(leaf: Hash): Flight | undefined {
    return this.#flights.get(toHex(leaf))
  }

  /** It is sent for the first time. */
  sent(message: Unreceipted, now: number): void {
    this.#put(message, { firstSent: now, attempts: 1, resendAt: now + waitAfter(1) })
  }

  /** It is sent once more. */
  sentAgain({ message, firstSent, attempts }: Flight, now: number): void {
    this.#put(message, { firstSent, attempts: attempts + 1, resendAt: now + waitAfter(attempts + 1) })
  }

  /** Another message is sent in its place. */
  replaced({ message: old, firstSent }: Flight, message: Unreceipted, now: number): void {
    this.ended(old.leaf)
    this.#put(message, { firstSent, attempts: 1, resendAt: now + waitAfter(1) })
  }

  /** Its receipt has come. Gives how long that took since it was first sent, ms. */
  received(leaf: Hash, now: number): number {
    const flight = this.find(leaf)
    if (flight === undefined) return 0
    const ms = now - flight.firstSent
    this.#progress = { order: Math.max(this.#progress.order, flight.order), at: now, ms }
    this.ended(leaf)
    return ms
  }

  /** It is sent no more. */
  ended(leaf: Hash): void {
    this.#bytes -= this.find(leaf)?.message.envelope.length ?? 0
    this.#flights.delete(toHex(leaf))
  }

  /** Nobody was there to send it to. Gossip opens a stream beside the connection, in its own time. */
  notOut(leaf: Hash, now: number): void {
    this.#change(leaf, { isOut: false, resendAt: now + LIMITS.redialMs.first })
  }

  /** It was refused for now. Its backoff counts from here on: it arrived, and was too much. */
  postponed(leaf: Hash, now: number): void {
    const flight = this.find(leaf)
    if (flight === undefined) return
    const resendAt = Math.max(flight.resendAt, now + waitAfter(flight.attempts))
    this.#change(leaf, { isOut: true, resendAt })
  }

  /**
   * What must have been lost: what never left, and all that newer messages have overtaken, as receipts follow the
   * order of sending; and where receipts stay away altogether, the oldest bundle, to find out. A sequencer that is
   * slow needs patience, not everything twice.
   */
  lost(now: number): readonly Flight[] {
    const { order, at, ms } = this.#progress
    const waiting = this.all().filter(flight => flight.resendAt <= now)
    const lost = waiting.filter(flight => flight.order < order || !flight.isOut)
    const isStalled = now - at >= Math.max(LIMITS.resendMs.first, 2 * ms)
    return lost.length > 0 || !isStalled ? lost : waiting.slice(0, LIMITS.bundleMessages)
  }

  #put(message: Unreceipted, rest: Pick<Flight, 'firstSent' | 'attempts' | 'resendAt'>): void {
    if (this.find(message.leaf) === undefined) this.#bytes += message.envelope.length
    this.#flights.set(toHex(message.leaf), { message, order: this.#orders, isOut: true, ...rest })
    this.#orders += 1
  }

  #change(leaf: Hash, change: Pick<Flight, 'isOut' | 'resendAt'>): void {
    const flight = this.find(leaf)
    if (flight !== undefined) this.#flights.set(toHex(leaf), { ...flight, ...change })
  }
}

/** How long to wait for the receipt of a message that has been sent so many times, ms. */
function waitAfter(attempts: number): number {
  return Math.min(LIMITS.resendMs.first * 2 ** (attempts - 1), LIMITS.resendMs.longest)
}
