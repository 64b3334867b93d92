import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey, StreamMuxerFactory } from '@libp2p/interface'
import { mplex } from '@libp2p/mplex'
import { noise } from '@libp2p/noise'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { sha256 } from '../core/hash.js'
import { LIMITS } from '../core/limits.js'
import { anonymousGossip } from './anonymous-gossip.js'
import type { ConnectionGater } from './connection-gater.js'
import { bringerOfConnection } from './connection-origin.js'
import { decodeRpcLimits, scoreParams } from './gossip-limits.js'
import type { Listening } from './listening.js'
import type { Liveness } from './liveness.js'
import type { Reader } from './muxer-guard.js'
import { guardedEncrypter, guardedMuxer, guardedProtector } from './negotiation.js'
import { PeerMemory } from './peer-memory.js'
import { ReadingTurns } from './reading-turns.js'
import { ConnectionHosts, StreamRates } from './stream-rates.js'

export interface NodeOptions {
  readonly key: PrivateKey
  readonly listen: readonly string[]
  /** Gossip about anything else is dropped unseen. */
  readonly topics: readonly string[]
  /** What is published leaves as what is passed on: nobody is to know whose it is. */
  readonly isAnonymous?: boolean
  readonly muxers?: readonly ('yamux' | 'mplex')[]
  /** The pre-shared key of the network, as in a swarm.key file: who has another one, or none, cannot connect. */
  readonly swarmKey?: Uint8Array
}

interface Services extends Record<string, unknown> {
  readonly identify: unknown
  readonly gossip: GossipSub
  readonly memory: PeerMemory
}

export type Node = Libp2p<Services>

/** In the order that `npm run bench` favours on this design. */
const MUXERS = ['yamux', 'mplex'] as const

export interface Followed {
  readonly liveness: Liveness
  /** Kept to the connections that there are. */
  readonly readers: Set<Reader>
  readonly listening: Listening
}

/** A libp2p node with all its parts and their limits, not started. Throws if an address or the swarm key makes no sense. */
export async function assemble(
  options: NodeOptions,
  gater: ConnectionGater,
  { liveness, readers, listening }: Followed
): Promise<Node> {
  const { swarmKey } = options
  // The other side may fill the whole window of a stream with one frame.
  const streamOptions = { maxStreamWindowSize: LIMITS.muxerFrameBytes }
  // Before a connection is told of. What is read late brings them with the end of the handshake; their rates count them.
  const maxEarlyStreams = LIMITS.bareStreamRate.burst
  // By itself mplex ends a connection at the sixth stream within a second.
  const mplexOptions = { disconnectThreshold: LIMITS.streamRate.burst, maxEarlyStreams }
  const muxers = { yamux: yamux({ streamOptions, maxEarlyStreams }), mplex: mplex(mplexOptions) }
  const hosts = new ConnectionHosts()
  const { ownStreamRate, bareStreamRate, ownStreamsOfHostRate, bareStreamsOfHostRate } = LIMITS
  const clock = (): number => performance.now()
  const own = new StreamRates({ ofConnection: ownStreamRate, ofHost: ownStreamsOfHostRate }, clock)
  const bare = new StreamRates({ ofConnection: bareStreamRate, ofHost: bareStreamsOfHostRate }, clock)
  const turns = new ReadingTurns(clock)
  return createLibp2p<Services>({
    privateKey: options.key,
    start: false,
    addresses: { listen: [...options.listen] },
    transports: [components => listening.over(tcp()(components))],
    connectionProtector: () =>
      guardedProtector(
        connection => {
          turns.follow(connection, bringerOfConnection(connection))
          // What waits for its turn has been heard.
          liveness.follow(connection)
        },
        hosts,
        swarmKey && preSharedKey({ psk: swarmKey })()
      ),
    connectionEncrypters: [components => guardedEncrypter(noise()(components), hosts)],
    streamMuxers: (options.muxers ?? MUXERS).map(name => components => {
      const factory: StreamMuxerFactory = muxers[name]()
      const protocols = (): string[] => components.registrar.getProtocols()
      return guardedMuxer(factory, { protocols, readers, hosts, own, bare })
    }),
    connectionManager: {
      maxConnections: LIMITS.connections,
      // The gatekeeper has a stricter one.
      inboundConnectionThreshold: LIMITS.connectionRate.burst,
      maxIncomingPendingConnections: LIMITS.pendingConnections,
      dialTimeout: LIMITS.dialMs,
      addressDialTimeout: LIMITS.dialMs,
      inboundUpgradeTimeout: LIMITS.frameMs,
      inboundStreamProtocolNegotiationTimeout: LIMITS.frameMs,
      outboundStreamProtocolNegotiationTimeout: LIMITS.frameMs
    },
    // It takes a slow line for a dead one; `Liveness` does this in its place.
    connectionMonitor: { enabled: false },
    connectionGater: gater,
    services: {
      identify: identify({ maxMessageSize: LIMITS.identifyBytes }),
      memory: components => new PeerMemory(components),
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
        // It is sent before a message is judged, and keeps the neighbours' copies away from where the first one is dropped.
        idontwantMinDataSize: Number.POSITIVE_INFINITY,
        pruneBackoff: LIMITS.gossipBackoffMs,
        maxInboundStreams: LIMITS.gossipStreams,
        maxOutboundStreams: LIMITS.gossipStreams,
        decodeRpcLimits,
        scoreParams: scoreParams(options.topics),
        ...(options.isAnonymous && anonymousGossip)
      })
    }
  })
}
