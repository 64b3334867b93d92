import type { Connection } from '@libp2p/interface'
import { LIMITS } from '../core/limits.js'
import { boundMemory } from './gossip-memory.js'
import { type GossipStreams, hasGossip } from './gossip-streams.js'
import type { Node } from './libp2p-node.js'
import type { Liveness } from './liveness.js'
import type { Reader } from './muxer-guard.js'

export interface WatchOptions {
  readonly topics: readonly string[]
  /** In place of those in LIMITS. */
  readonly unsentBytes?: number
  readonly gossipStreamMs?: number
  readonly seenMessages?: number
}

export interface Watched {
  readonly libp2p: Node
  readonly liveness: Liveness
  readonly readers: ReadonlySet<Reader>
  readonly streams: GossipStreams
}

/** Looks now and then at all connections for what nothing tells of, and ends those that are of no use. */
export class ConnectionWatch {
  readonly #mute: MuteTimes
  #timer: NodeJS.Timeout | undefined

  constructor(
    private readonly watched: Watched,
    private readonly options: WatchOptions
  ) {
    const { libp2p, liveness } = watched
    this.#mute = new MuteTimes(() => performance.now(), options.gossipStreamMs ?? LIMITS.gossipStreamMs)
    // A peer that makes another connection may have lost the one before.
    libp2p.addEventListener('connection:open', ({ detail }) =>
      liveness.doubt(libp2p.getConnections(detail.remotePeer).filter(({ id }) => id !== detail.id))
    )
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), LIMITS.watchMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const { libp2p, liveness, readers } = this.watched
    const { unsentBytes = LIMITS.unsentBytes, seenMessages = LIMITS.gossipSeenMessages } = this.options
    const { gossip, memory } = libp2p.services
    // A stream that was opened at the very end of a connection is told to gossip after the end.
    for (const peer of gossip.getPeers()) memory.forget(peer)
    boundMemory(gossip, seenMessages)
    endSlowReaders([...readers], unsentBytes)
    this.#endMute()
    // At last: a stream must not be opened, and its connection ended, in one turn of the event loop (yamux throws then).
    liveness.look(libp2p.getConnections())
  }

  /**
   * A connection on which no gossip comes about, or none any more, may be well otherwise, and is of no use: what is
   * published does not get there. Both sides are better off with a new one.
   */
  #endMute(): void {
    const { libp2p, streams } = this.watched
    const subscribers = new Set(
      this.options.topics.flatMap(topic => libp2p.services.gossip.getSubscribers(topic)).map(String)
    )
    for (const peer of libp2p.getPeers()) {
      const connections = libp2p.getConnections(peer)
      const why = this.#muteness(connections, subscribers.has(peer.toString()))
      if (this.#mute.isOver(connections.at(-1), why !== undefined))
        for (const connection of connections) connection.abort(new Error(why))
      else if (why !== undefined) setImmediate(() => streams.openAgain(peer))
    }
  }

  /** Why no gossip comes about with a peer; undefined where it does, or need not. */
  #muteness(connections: readonly Connection[], isSubscriber: boolean): string | undefined {
    const { streams } = this.watched
    const isSpoken = isSubscriber || connections.some(connection => streams.isSpoken(connection))
    if (isSpoken && !connections.some(connection => hasGossip(connection, 'outbound')))
      return 'no gossip stream to it came about'
    if (isSubscriber && !connections.some(connection => hasGossip(connection, 'inbound')))
      return 'its gossip stream has ended'
    // No peer is dialled to hear nothing.
    const isDialled = connections.some(({ direction }) => direction === 'outbound')
    if (!isSubscriber && isDialled && this.options.topics.length > 0)
      return 'it did not say what it subscribes to'
    return undefined
  }
}

/** For how long there has been no gossip with peers, by a monotonic clock. */
export class MuteTimes {
  readonly #since = new WeakMap<object, number>()

  constructor(
    /** Monotonic, ms. */
    private readonly clock: () => number,
    private readonly patienceMs: number
  ) {}

  /** Whether a peer has been mute for too long, looked at again and again. A new connection has its time, too. */
  isOver(newest: object | undefined, isMute: boolean): boolean {
    if (newest === undefined) return false
    const now = this.clock()
    const since = this.#since.get(newest) ?? now
    if (isMute) this.#since.set(newest, since)
    else this.#since.delete(newest)
    return isMute && now - since >= this.patienceMs
  }
}

/**
 * Each stream has its own limit of what may wait for its reader; this keeps all of them together within one, with what
 * has left them and waits on the connection: those who leave most unread are disconnected first.
 */
function endSlowReaders(readers: readonly Reader[], unsentBytes: number): void {
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
