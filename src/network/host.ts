import { type GossipSub, gossipsub, TopicValidatorResult } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { Connection, Libp2p, PeerId, PrivateKey, StreamMuxerFactory } from '@libp2p/interface'
import { mplex } from '@libp2p/mplex'
import { noise } from '@libp2p/noise'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import type { PeerIdBytes } from '../core/bytes.js'
import { sha256 } from '../core/hash.js'
import { LIMITS } from '../core/limits.js'
import { Channel, type ChannelLimits } from './channel.js'
import { guardedEncrypter, guardedMuxer, guardedProtector } from './negotiation.js'

/** What becomes of a gossiped message: passed on, dropped, or held against who sent it. */
export type GossipVerdict = 'accept' | 'ignore' | 'reject'
export type TopicValidator = (from: PeerIdBytes, data: Uint8Array) => GossipVerdict | Promise<GossipVerdict>

export interface HostOptions {
  readonly key: PrivateKey
  readonly listen: readonly string[]
  /** Gossip about anything else is dropped unseen. */
  readonly topics: readonly string[]
  readonly muxers?: readonly ('yamux' | 'mplex')[]
}

export interface StreamOptions extends ChannelLimits {
  /** Streams of this protocol that one connection may have open at once, each way. */
  readonly streams: number
}

type Services = { readonly identify: unknown; readonly gossip: GossipSub }

/**
 * One libp2p peer: connections, topics and channels, in this project's words. Nothing above this floor sees
 * libp2p's streams or ids.
 */
export class Host {
  private constructor(private readonly libp2p: Libp2p<Services>) {}

  /** Does not listen before `start`. Throws if an address makes no sense. */
  static async create(options: HostOptions): Promise<Host> {
    const muxers = { yamux: yamux(), mplex: mplex() }
    const libp2p = await createLibp2p<Services>({
      privateKey: options.key,
      start: false,
      addresses: { listen: [...options.listen] },
      transports: [tcp()],
      connectionProtector: () => guardedProtector(),
      connectionEncrypters: [components => guardedEncrypter(noise()(components))],
      streamMuxers: (options.muxers ?? MUXERS).map(name => components => {
        const factory: StreamMuxerFactory = muxers[name]()
        return guardedMuxer(factory, () => components.registrar.getProtocols())
      }),
      connectionManager: {
        maxConnections: LIMITS.connections,
        inboundConnectionThreshold: LIMITS.connectionsPerHostPerSecond,
        maxIncomingPendingConnections: LIMITS.pendingConnections,
        dialTimeout: LIMITS.dialMs
      },
      services: {
        identify: identify(),
        gossip: gossipsub({
          // The envelope carries the signature, once.
          globalSignaturePolicy: 'StrictNoSign',
          msgIdFn: message => sha256(message.data),
          fallbackToFloodsub: false,
          // Clients publish without subscribing: straight to whoever subscribes.
          floodPublish: true,
          allowPublishToZeroTopicPeers: true,
          allowedTopics: [...options.topics],
          maxInboundDataLength: LIMITS.gossipBytes,
          maxOutboundBufferSize: LIMITS.gossipQueueBytes,
          seenTTL: LIMITS.gossipSeenMs,
          // Peers that share a host are normal here; the default would silence the fifteenth.
          scoreParams: { IPColocationFactorWeight: 0 }
        })
      }
    })
    return new Host(libp2p)
  }

  async start(): Promise<void> {
    await this.libp2p.start()
  }

  async stop(): Promise<void> {
    await this.libp2p.stop()
  }

  get peerId(): PeerIdBytes {
    return bytesOf(this.libp2p.peerId)
  }

  /** With the PeerId at their end, ready to be dialled. */
  addresses(): string[] {
    return this.libp2p.getMultiaddrs().map(address => address.toString())
  }

  /** Dials and gives the PeerId that answered. Throws if nobody does. */
  async connect(address: string, signal: AbortSignal): Promise<PeerIdBytes> {
    const connection = await this.libp2p.dial(multiaddr(address), { signal })
    return bytesOf(connection.remotePeer)
  }

  /** Resolves when no connection to `peer` is left, or when `signal` fires. */
  async whenDisconnected(peer: PeerIdBytes, signal: AbortSignal): Promise<void> {
    const id = peerIdOf(peer)
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = (): void => {
      if (signal.aborted || this.libp2p.getConnections(id).length === 0) resolve()
    }
    this.libp2p.addEventListener('peer:disconnect', check)
    signal.addEventListener('abort', check)
    try {
      check()
      await promise
    } finally {
      this.libp2p.removeEventListener('peer:disconnect', check)
      signal.removeEventListener('abort', check)
    }
  }

  async disconnect(peer: PeerIdBytes): Promise<void> {
    await this.libp2p.hangUp(peerIdOf(peer))
  }

  /** Hears and relays a topic. The validator sees each message once and decides what becomes of it. */
  subscribe(topic: string, validator: TopicValidator): void {
    const { gossip } = this.libp2p.services
    gossip.topicValidators.set(topic, async (peer, message) => {
      const verdict = await validator(bytesOf(peer), message.data)
      return VERDICTS[verdict]
    })
    gossip.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    const { gossip } = this.libp2p.services
    // Gossip asks the validator before it looks at its subscriptions.
    gossip.topicValidators.delete(topic)
    gossip.unsubscribe(topic)
  }

  /** Resolves when `peer` is known to subscribe to the topic: what is published earlier does not reach it. */
  async whenSubscribed(topic: string, peer: PeerIdBytes, signal: AbortSignal): Promise<void> {
    const { gossip } = this.libp2p.services
    const id = peerIdOf(peer)
    const isSubscribed = (): boolean => gossip.getSubscribers(topic).some(other => other.equals(id))
    if (isSubscribed()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const check = (): void => {
      if (isSubscribed()) resolve()
    }
    const abort = (): void => reject(signal.reason)
    gossip.addEventListener('subscription-change', check)
    signal.addEventListener('abort', abort)
    try {
      signal.throwIfAborted()
      await promise
    } finally {
      gossip.removeEventListener('subscription-change', check)
      signal.removeEventListener('abort', abort)
    }
  }

  hasSubscribers(topic: string): boolean {
    return this.libp2p.services.gossip.getSubscribers(topic).length > 0
  }

  /** Hands a message to whoever subscribes; says to how many. That they got it, only they can say. */
  async publish(topic: string, data: Uint8Array): Promise<number> {
    const { recipients } = await this.libp2p.services.gossip.publish(topic, data)
    return recipients.length
  }

  /** Serves a protocol. A handler that throws has its stream aborted. */
  async serve(
    protocol: string,
    options: StreamOptions,
    handler: (channel: Channel, peer: PeerIdBytes) => Promise<void>
  ): Promise<void> {
    await this.libp2p.handle(
      protocol,
      async (stream, connection: Connection) => {
        const channel = new Channel(stream, options)
        await handler(channel, bytesOf(connection.remotePeer)).catch((error: unknown) => channel.abort(error))
      },
      { maxInboundStreams: options.streams, maxOutboundStreams: options.streams }
    )
  }

  async unserve(protocol: string): Promise<void> {
    await this.libp2p.unhandle(protocol)
  }

  /** Opens a channel to a connected peer. Throws if it does not speak the protocol. */
  async open(
    peer: PeerIdBytes,
    protocol: string,
    options: StreamOptions,
    signal: AbortSignal
  ): Promise<Channel> {
    const stream = await this.libp2p.dialProtocol(peerIdOf(peer), protocol, {
      signal,
      maxOutboundStreams: options.streams
    })
    return new Channel(stream, options)
  }
}

/** In the order that `npm run bench` favours on this design. */
const MUXERS = ['yamux', 'mplex'] as const

const VERDICTS: Record<GossipVerdict, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject
}

function bytesOf(peer: PeerId): PeerIdBytes {
  return peer.toMultihash().bytes as PeerIdBytes
}

function peerIdOf(bytes: PeerIdBytes): PeerId {
  return peerIdFromMultihash(decodeMultihash(bytes))
}
