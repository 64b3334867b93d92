import { randomBytes } from 'node:crypto'
import { type Connection, type MessageStream, StreamMessageEvent } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'
import { LIMITS } from '../core/limits.js'

/** A peer that does not serve it says so, which is an answer, too. */
const PING_PROTOCOL = '/ipfs/ping/1.0.0'
const PING_BYTES = 32

/** What of a connection is the same object from its socket on. */
type Followed = Pick<MessageStream, 'timeline' | 'dispatchEvent'>

/** Of a connection: when it is pinged next, and since when it owes an answer. By the clock of `Liveness`. */
interface Pulse {
  due: number
  asked: number | undefined
}

/**
 * Finds out which connections are dead though nothing tells of it. Each is pinged now and then. Where neither an answer nor
 * anything else comes for too long, and nothing is taken, it is ended: on a slow line ping and answer may stand behind much
 * else. Time in which this process was stopped, and could not read what came, does not count.
 */
export class Liveness {
  /** When something came or was taken last, by what libp2p hands on from the socket to the connection. */
  readonly #heard = new WeakMap<object, number>()
  readonly #pulses = new WeakMap<Connection, Pulse>()
  /** Goes on by at most two looks between two of them, ms. */
  #now = 0
  #looked: number

  /** `clock`: a monotonic one, ms. */
  constructor(private readonly clock: () => number) {
    this.#looked = clock()
  }

  /** Notes what comes on a connection, and what is taken, from now on. */
  follow(connection: Followed): void {
    const { timeline } = connection
    const dispatch = connection.dispatchEvent.bind(connection)
    connection.dispatchEvent = (event: Event) => {
      // `drain`: the other side has taken something that waited here.
      if (event instanceof StreamMessageEvent || event.type === 'drain') this.#heard.set(timeline, this.#now)
      return dispatch(event)
    }
  }

  /** Pings those whose turn it is, and ends those that are dead. */
  look(connections: readonly Connection[]): void {
    const elapsed = this.clock() - this.#looked
    this.#looked += elapsed
    this.#now += Math.min(elapsed, 2 * LIMITS.watchMs)
    for (const connection of connections) {
      if (connection.status !== 'open') continue
      const pulse = this.#pulseOf(connection)
      if (pulse.asked !== undefined) this.#endIfDead(connection, pulse.asked)
      else if (this.#now >= pulse.due) void this.#ping(connection, pulse)
    }
  }

  /** Has the last of these pinged at the next look. There are few of an honest peer, and a peer that makes hundreds has no more pinged. */
  doubt(connections: readonly Connection[]): void {
    for (const connection of connections.slice(-LIMITS.doubtedConnections))
      this.#pulseOf(connection).due = this.#now
  }

  #pulseOf(connection: Connection): Pulse {
    const pulse = this.#pulses.get(connection) ?? { due: this.#now + LIMITS.pingMs, asked: undefined }
    this.#pulses.set(connection, pulse)
    return pulse
  }

  #endIfDead(connection: Connection, asked: number): void {
    const heard = Math.max(asked, this.#heard.get(connection.timeline) ?? 0)
    if (this.#now - heard >= LIMITS.pingSilenceMs)
      connection.abort(new Error('it is silent, and answers no ping'))
    else if (this.#now - asked >= LIMITS.pingAnswerMs) connection.abort(new Error('it answers no ping'))
  }

  async #ping(connection: Connection, pulse: Pulse): Promise<void> {
    pulse.asked = this.#now
    try {
      await ping(connection)
    } finally {
      // A stream that was refused or reset is an answer. If it was this side that ended all, there is nothing to end any more.
      pulse.asked = undefined
      pulse.due = this.#now + LIMITS.pingMs
    }
  }
}

/** Resolves when the other side has answered anything. */
async function ping(connection: Connection): Promise<void> {
  // `Liveness` ends the connection before, and so the stream.
  const signal = AbortSignal.timeout(2 * LIMITS.pingAnswerMs)
  try {
    const stream = await connection.newStream(PING_PROTOCOL, { signal })
    try {
      const bytes = byteStream(stream)
      await bytes.write(randomBytes(PING_BYTES), { signal })
      await bytes.read({ bytes: PING_BYTES, signal })
    } finally {
      stream.close({ signal }).catch((error: Error) => stream.abort(error))
    }
  } catch {
    // That it ended says as much as an echo.
  }
}
