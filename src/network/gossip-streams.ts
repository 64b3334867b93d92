import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/** What gossipsub reads of an incoming stream. */
type Source = AsyncIterable<Uint8ArrayList>

/** Gossipsub has these, and leaves them out of its interface. None of them throws. */
interface WithStreams {
  readonly streamsOutbound: Map<string, { readonly rawStream: Stream }>
  onIncomingStream(stream: Stream, connection: Connection): void
  onPeerDisconnected(peer: PeerId): void
  /** Does nothing where there is one. */
  createOutboundStream(peer: PeerId, connection: Connection): Promise<void>
  /** Called within `onIncomingStream`. Where the source throws, the peer counts as disconnected. */
  pipePeerReadStream(peer: PeerId, source: Source): Promise<void>
}

function hasStreams(gossip: GossipSub): gossip is GossipSub & WithStreams {
  const names = [
    'onIncomingStream',
    'onPeerDisconnected',
    'createOutboundStream',
    'pipePeerReadStream'
  ] as const
  return 'streamsOutbound' in gossip && names.every(name => typeof Reflect.get(gossip, name) === 'function')
}

/** Whether a connection has a gossip stream that goes this way. */
export function hasGossip({ streams }: Connection, way: 'inbound' | 'outbound'): boolean {
  return streams.some(({ direction, protocol }) => direction === way && protocol.startsWith('/meshsub/'))
}

/**
 * Sees to the one stream each way that gossipsub keeps for a peer, whichever connections there are with it. By itself
 * gossipsub opens no stream on a second connection, and none when the first one ends; and when it reads the end of an old
 * stream it forgets the peer, with the stream that has come since. It also opens all streams one after the other, so that
 * a peer that leaves one unanswered keeps it from all others for seconds: here they are opened to many peers side by side.
 */
export class GossipStreams {
  /** Peers to whom a stream is being opened, with the connection that is to be tried next. */
  readonly #opening = new Map<string, Connection | undefined>()
  /** Connections at whose other end gossip is spoken. */
  readonly #speaking = new WeakSet<Connection>()
  readonly #create: WithStreams['createOutboundStream']
  /** Whose stream is being taken. */
  #arriving: Connection | undefined

  readonly #outbound: WithStreams['streamsOutbound']
  readonly #listeners = new Set<(peer: PeerId) => void>()

  /** Before gossipsub starts. `connectionsOf`: all that there are with a peer, the oldest first. */
  constructor(
    gossip: GossipSub,
    private readonly connectionsOf: (peer: PeerId) => readonly Connection[]
  ) {
    if (!hasStreams(gossip)) throw new Error('this gossipsub keeps its streams in another way')
    this.#outbound = gossip.streamsOutbound
    this.#create = gossip.createOutboundStream.bind(gossip)
    gossip.createOutboundStream = async (peer, connection) => this.#open(peer, connection)
    const forget = gossip.onPeerDisconnected.bind(gossip)
    gossip.onPeerDisconnected = peer => {
      if (this.#openConnections(peer).length === 0) forget(peer)
    }
    const take = gossip.onIncomingStream.bind(gossip)
    gossip.onIncomingStream = (stream, connection) => {
      this.#arriving = connection
      take(stream, connection)
      this.#arriving = undefined
    }
    const read = gossip.pipePeerReadStream.bind(gossip)
    gossip.pipePeerReadStream = (peer, source) => {
      const connection = this.#arriving
      // It would never come back, and what is published here would go nowhere.
      return read(
        peer,
        watched(source, () => connection?.abort(new Error('its gossip stream broke')))
      )
    }
  }

  /** Whether gossip has to come about on this connection. */
  isSpoken(connection: Connection): boolean {
    return this.#speaking.has(connection)
  }

  /** Has a stream to this peer, on the newest connection that is left. */
  openAgain(peer: PeerId): void {
    const left = this.#openConnections(peer).findLast(connection => this.isSpoken(connection))
    if (left !== undefined) this.#open(peer, left)
  }

  /** Runs `listener` for each peer to which a stream has been opened: what was put on another one before may be lost. */
  onOpened(listener: (peer: PeerId) => void): void {
    this.#listeners.add(listener)
  }

  #open(peer: PeerId, connection: Connection): void {
    if (!this.isSpoken(connection)) {
      this.#speaking.add(connection)
      // Gossipsub learns of the end of its stream in the same turn.
      connection.addEventListener('close', () => setImmediate(() => this.openAgain(peer)), { once: true })
    }
    const name = peer.toString()
    if (this.#opening.has(name)) this.#opening.set(name, connection)
    else void this.#openAll(peer, name, connection)
  }

  async #openAll(peer: PeerId, name: string, first: Connection): Promise<void> {
    for (let next: Connection | undefined = first; next !== undefined; next = this.#opening.get(name)) {
      this.#opening.set(name, undefined)
      const before = this.#outbound.get(name)
      await this.#create(peer, next)
      const stream = this.#outbound.get(name)
      // Gossipsub would keep one that ended before it was handed on, and all of its connection, also when the peer has gone.
      if (stream?.rawStream.timeline.close !== undefined) this.#outbound.delete(name)
      else if (stream !== undefined && stream !== before)
        for (const listener of this.#listeners) listener(peer)
    }
    this.#opening.delete(name)
  }

  #openConnections(peer: PeerId): readonly Connection[] {
    return this.connectionsOf(peer).filter(({ status }) => status === 'open')
  }
}

async function* watched(source: Source, broke: () => void): Source {
  try {
    yield* source
  } catch (error) {
    broke()
    throw error
  }
}
