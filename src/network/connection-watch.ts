import type { Connection, PeerId } from '@libp2p/interface'
import type { Reader } from './muxer-guard.js'

/** What is looked at now and then on all connections, as nothing tells of it. */

/**
 * Each stream has its own limit of what may wait for its reader; this keeps all of them together within one, with what
 * has left them and waits on the connection: those who leave most unread are disconnected first.
 */
export function endSlowReaders(readers: readonly Reader[], unsentBytes: number): void {
  const waiting = readers
    .map(reader => ({ reader, bytes: reader.unsent }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes)
  let total = waiting.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { reader, bytes } of waiting) {
    if (total <= unsentBytes) return
    reader.abort(new Error('it reads too slowly, and too much waits for all readers together'))
    total -= bytes
  }
}

/**
 * A gossip stream that was reset never comes back by itself: what is published to that peer goes nowhere, on a
 * connection that is well otherwise. Both sides are better off with a new one.
 */
export function endMuteConnections(
  connections: readonly Connection[],
  subscribers: readonly PeerId[],
  /** How long a new connection may take to open its gossip stream, ms. */
  patience: number,
  /** For how long a connection has been there, ms. */
  ageOf: (connection: Connection) => number
): void {
  const byPeer = new Map<string, Connection[]>()
  for (const connection of connections) {
    const name = connection.remotePeer.toString()
    byPeer.set(name, [...(byPeer.get(name) ?? []), connection])
  }
  for (const peer of new Set(subscribers.map(String))) {
    const ours = byPeer.get(peer) ?? []
    const isMute = ours.every(
      ({ streams }) =>
        !streams.some(
          ({ direction, protocol }) => direction === 'outbound' && protocol.startsWith('/meshsub/')
        )
    )
    const isNew = ours.some(connection => ageOf(connection) < patience)
    if (!isMute || isNew) continue
    for (const connection of ours) connection.abort(new Error('its gossip stream is lost'))
  }
}

/** Ages of connections by a monotonic clock: libp2p notes when they began by one that may be set forward and back. */
export class Ages {
  readonly #seen = new WeakMap<object, number>()

  constructor(
    /** Monotonic, ms. */
    private readonly clock: () => number
  ) {}

  /** Since it was first asked for, ms. */
  readonly of = (connection: object): number => {
    const seen = this.#seen.get(connection) ?? this.clock()
    this.#seen.set(connection, seen)
    return this.clock() - seen
  }
}
