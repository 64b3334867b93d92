import { AbstractMessageStream } from '@libp2p/utils'
import { LIMITS } from '../core/limits.js'
import type { Bringer } from '../core/shares.js'

/** Connections of one host that wait, by name. The first one is next. */
type OfHost = Map<string, AbstractMessageStream>
/** By the host, of one site. None is empty; the first one is next. */
type OfSite = Map<string, OfHost>

/**
 * Has connections read in turns. What comes on one is decrypted and taken apart at once, piece by piece, and nothing limits
 * how much comes: frames of twelve bytes without end, on 18 connections of one host, kept all others from shaking hands.
 * Where that has taken long enough in one turn of the event loop, what comes further waits, and its connection is not read
 * meanwhile. Then one connection is read of each site in turn, of each of its hosts, and of each of theirs.
 */
export class ReadingTurns {
  /** By the site. None is empty; the first one is next. */
  readonly #waiting = new Map<string, OfSite>()
  /** In this turn of the event loop. */
  #spentMs = 0
  #isGoingOn = false

  /** `clock`: a monotonic one, ms. */
  constructor(private readonly clock: () => number) {}

  /**
   * Before anything comes on it. `connection` is as it comes from its socket; `from`: it counts as a peer of its own, as its
   * peer is not known yet.
   */
  follow(connection: object, from: Bringer): void {
    if (!(connection instanceof AbstractMessageStream))
      throw new TypeError('this connection is read in another way')
    const take = connection.onData.bind(connection)
    connection.onData = data => {
      this.#goOn()
      if (this.#waiting.size > 0 || this.#spentMs >= LIMITS.readingTurnMs) this.#wait(connection, from)
      // Of one that waits, it is kept with what has come before.
      this.#time(() => take(data))
    }
  }

  #time(work: () => void): void {
    const before = this.clock()
    try {
      work()
    } finally {
      this.#spentMs += this.clock() - before
    }
  }

  #wait(connection: AbstractMessageStream, { peer, host, site }: Bringer): void {
    const ofSite: OfSite = this.#waiting.get(site) ?? new Map()
    const ofHost: OfHost = ofSite.get(host) ?? new Map()
    this.#waiting.set(site, ofSite.set(host, ofHost.set(peer, connection)))
    if (!hasEnded(connection)) connection.pause()
  }

  /** In the next turn of the event loop, and on until nothing waits. */
  #goOn(): void {
    if (this.#isGoingOn) return
    this.#isGoingOn = true
    setImmediate(() => {
      this.#isGoingOn = false
      this.#spentMs = 0
      while (this.#waiting.size > 0 && this.#spentMs < LIMITS.readingTurnMs) this.#readNext()
      if (this.#waiting.size > 0) this.#goOn()
    })
  }

  #readNext(): void {
    const [site, ofSite] = takeFirst(this.#waiting)
    const [host, ofHost] = takeFirst(ofSite)
    const [, connection] = takeFirst(ofHost)
    // Behind the others of its site, and this behind all others.
    if (ofHost.size > 0) ofSite.set(host, ofHost)
    if (ofSite.size > 0) this.#waiting.set(site, ofSite)
    if (hasEnded(connection)) return
    try {
      this.#time(() => connection.resume())
    } catch (error) {
      // What comes of one connection ends no other one's turn.
      connection.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

function hasEnded({ readStatus }: AbstractMessageStream): boolean {
  return readStatus === 'closing' || readStatus === 'closed'
}

function takeFirst<T>(entries: Map<string, T>): readonly [string, T] {
  for (const entry of entries) {
    entries.delete(entry[0])
    return entry
  }
  throw new RangeError('nothing waits')
}
