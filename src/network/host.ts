import { TopicValidatorResult } from '@libp2p/gossipsub'
import { type Connection, ConnectionClosedError, type PeerId } from '@libp2p/interface'
import { type PeerIdBytes, toHex } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import { type Rate, RateLimiter } from '../core/rate-limiter.js'
import type { Bringer } from '../core/shares.js'
import { isLoopback, isOverTcp, parsedAddress } from './addresses.js'
import { Channel, type ChannelLimits } from './channel.js'
import { explained, explainedDial, notOverTcp } from './connection-errors.js'
import { ConnectionGater } from './connection-gater.js'
import { bringerFrom, type Origin, originOf } from './connection-origin.js'
import { ConnectionWatch, type Watched, type WatchOptions } from './connection-watch.js'
import { GossipGuard } from './gossip-guard.js'
import { GossipStreams } from './gossip-streams.js'
import { assemble, type Node, type NodeOptions } from './libp2p-node.js'
import { Listening } from './listening.js'
import { Liveness } from './liveness.js'
import { whenMeshed, whenSubscribed } from './mesh.js'
import type { Reader } from './muxer-guard.js'
import { bytesOf, peerIdOf } from './peer-ids.js'
import { whenNothingWaits } from './unsent.js'

/**
 * What becomes of a gossiped message. It is passed on (`accept`), dropped (`ignore`), or dropped and held against the peer
 * that sent it (`reject`). `later`: it is dropped because of the peer that sent it, or of what else there is to do now;
 * `partly`: it is passed on, and some of what it holds was dropped for such a reason. After `accept` and `ignore` the same
 * bytes count as seen. After the others they are judged anew when they come again, so that nobody keeps a message out by
 * handing it over first.
 */
export type GossipVerdict = 'accept' | 'partly' | 'ignore' | 'later' | 'reject'
export type TopicValidator = (from: PeerIdBytes, data: Uint8Array) => GossipVerdict | Promise<GossipVerdict>

export interface HostOptions extends NodeOptions, WatchOptions {
  /** PeerIds that connections are made to and taken from; anyone where it is left out. */
  readonly admitted?: readonly string[]
  /** In place of those in LIMITS. */
  readonly rates?: HostRates
  /** In place of those in LIMITS. */
  readonly connectionsPerHost?: number
}

export interface HostRates {
  readonly stream?: Rate
  readonly invalid?: Rate
}

export interface StreamOptions extends ChannelLimits {
  /** Streams of this protocol that one connection may have open at once, each way. */
  readonly streams: number
}

/**
 * One libp2p peer: connections, topics and channels, in this project's words. Nothing above this floor sees
 * libp2p's streams or ids.
 */
export class Host {
  readonly #streams: RateLimiter
  /** By the host: PeerIds are free. Only the sender of something invalid is disconnected. */
  readonly #invalid: RateLimiter
  readonly #guard: GossipGuard
  readonly #gossipStreams: GossipStreams
  readonly #hasSwarmKey: boolean
  readonly #watch: ConnectionWatch
  /** Where peers that are connected come from, by their names: to look it up takes longer than to count. */
  readonly #hosts = new Map<string, Origin>()

  private constructor(
    private readonly libp2p: Node,
    private readonly gater: ConnectionGater,
    watched: Pick<Watched, 'liveness' | 'readers'>,
    private readonly listening: Listening,
    private readonly options: HostOptions
  ) {
    const { swarmKey, rates = {} } = options
    this.#hasSwarmKey = swarmKey !== undefined
    this.#streams = new RateLimiter(rates.stream ?? LIMITS.streamRate, LIMITS.rememberedRates)
    this.#invalid = new RateLimiter(rates.invalid ?? LIMITS.invalidRate, LIMITS.rememberedRates)
    const { gossip, memory } = libp2p.services
    this.#gossipStreams = new GossipStreams(gossip, peer => libp2p.getConnections(peer))
    this.#watch = new ConnectionWatch({ ...watched, libp2p, streams: this.#gossipStreams }, options)
    libp2p.addEventListener('connection:close', () => this.#hosts.clear())
    this.#guard = new GossipGuard(gossip, peer => memory.isConnected(peer))
  }

  /** Does not listen before `start`. Throws if an address or the swarm key makes no sense. */
  static async create(options: HostOptions): Promise<Host> {
    const { admitted, connectionsPerHost = LIMITS.connectionsPerHost } = options
    const gater = new ConnectionGater(connectionsPerHost, admitted && new Set(admitted))
    const liveness = new Liveness(() => performance.now())
    const readers = new Set<Reader>()
    const listening = new Listening()
    const libp2p = await assemble(options, gater, { liveness, readers, listening })
    return new Host(libp2p, gater, { liveness, readers }, listening, options)
  }

  /** Throws CannotListen where it cannot at one of its addresses. */
  async start(): Promise<void> {
    try {
      await this.libp2p.start()
    } catch (error) {
      throw this.listening.problem(error, this.options.listen)
    }
    this.#watch.start()
  }

  async stop(): Promise<void> {
    this.#watch.stop()
    await this.libp2p.stop()
  }

  get peerId(): PeerIdBytes {
    return bytesOf(this.libp2p.peerId)
  }

  /** With the PeerId at their end, ready to be dialled. */
  addresses(): string[] {
    return this.libp2p.getMultiaddrs().map(address => address.toString())
  }

  /** Those with whom there is a connection now, whoever made it. */
  peers(): PeerIdBytes[] {
    return this.libp2p.getPeers().map(bytesOf)
  }

  /**
   * Has nothing to do with these from now on, and with nobody else whom it avoided before: what is open is ended,
   * nothing is dialled or taken.
   */
  avoid(peers: readonly PeerIdBytes[]): void {
    const avoided = peers.map(peerIdOf)
    this.gater.avoid(new Set(avoided.map(String)))
    for (const peer of avoided) this.#sendAway(peer, 'this peer is avoided now')
  }

  /** Dials and gives the PeerId that answered. Throws if nobody does, or if one of the two does not want the other. */
  async connect(address: string, signal: AbortSignal): Promise<PeerIdBytes> {
    const target = parsedAddress(address)
    if (target === undefined) throw new TypeError(`${address} is no address of a peer`)
    if (!isOverTcp(target)) throw notOverTcp(address)
    try {
      const connection = await this.libp2p.dial(target, { signal })
      return bytesOf(connection.remotePeer)
    } catch (error) {
      throw explainedDial(error, address, this.#hasSwarmKey)
    }
  }

  /** What an error of a stream means that was ended before anything was agreed on. */
  explained(error: Error): Error {
    return explained(error, this.#hasSwarmKey)
  }

  /** Whether this peer is connected from the same machine. */
  isLocal(peer: PeerIdBytes): boolean {
    return this.libp2p
      .getConnections(peerIdOf(peer))
      .some(({ remoteAddr }) => isLoopback(remoteAddr.toString()))
  }

  /** Where a peer that is connected connects from, as limits count it. Undefined once it has gone. */
  originOf(peer: PeerIdBytes): Origin | undefined {
    const connection = this.libp2p.getConnections(peerIdOf(peer)).at(-1)
    return connection && originOf(connection.remoteAddr)
  }

  /** The same as shares count it. One that has gone is a host of its own. */
  bringerOf(peer: PeerIdBytes): Bringer {
    const name = toHex(peer)
    const known = this.#hosts.get(name)
    const origin = known ?? this.originOf(peer)
    if (known === undefined && origin !== undefined) this.#hosts.set(name, origin)
    return bringerFrom(name, origin)
  }

  /** Ends all connections with a peer. */
  disconnect(peer: PeerIdBytes, why: string): void {
    this.#sendAway(peerIdOf(peer), why)
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

  /**
   * Hears and relays a topic. The validator decides what becomes of each message. A peer that goes on sending what is
   * rejected is sent away. Copies that come while a message is being judged wait for its verdict. With `sideBySide` they
   * do not: where peers have their turns, a copy must not wait for the turn of another peer.
   */
  subscribe(
    topic: string,
    validator: TopicValidator,
    { sideBySide = false }: { readonly sideBySide?: boolean } = {}
  ): void {
    const { gossip } = this.libp2p.services
    gossip.topicValidators.set(topic, async (peer, { data }) => {
      if (sideBySide) this.#guard.forgetNow(data)
      const from = bytesOf(peer)
      // It may be gone when there is a verdict.
      const { host } = this.bringerOf(from)
      const verdict = await validator(from, data)
      if (verdict === 'reject' && !this.#invalid.take(host, performance.now()))
        this.#sendAway(peer, 'too many messages that are not valid')
      if (verdict !== 'accept' && verdict !== 'ignore') this.#guard.forget(data)
      else if (sideBySide) this.#guard.remember(data)
      return VERDICTS[verdict]
    })
    gossip.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    const { gossip } = this.libp2p.services
    gossip.topicValidators.delete(topic)
    gossip.unsubscribe(topic)
  }

  /** Resolves when `peer` is known to subscribe to the topic: what is published earlier does not reach it. */
  async whenSubscribed(topic: string, peer: PeerIdBytes, signal: AbortSignal): Promise<void> {
    await whenSubscribed(this.libp2p.services.gossip, topic, peerIdOf(peer), signal)
  }

  /** Peers that are connected and subscribe to the topic. Gossip learns a little later that one has gone. */
  subscribers(topic: string): PeerIdBytes[] {
    const { gossip } = this.libp2p.services
    return gossip
      .getSubscribers(topic)
      .filter(peer => this.libp2p.getConnections(peer).length > 0)
      .map(bytesOf)
  }

  /** Runs `listener` whenever a peer begins or ends a subscription, until this peer stops. */
  onSubscription(listener: () => void): void {
    this.libp2p.services.gossip.addEventListener('subscription-change', listener)
  }

  /** Runs `listener` whenever gossip has a new stream to a peer: what was published before may not have got there. */
  onGossipStream(listener: (peer: PeerIdBytes) => void): void {
    this.#gossipStreams.onOpened(peer => listener(bytesOf(peer)))
  }

  hasSubscribers(topic: string): boolean {
    return this.libp2p.services.gossip.getSubscribers(topic).length > 0
  }

  /** Runs `listener` after each change of who subscribes to what, or is connected. Gives a function that ends it. */
  onSubscribersChange(listener: () => void): () => void {
    const { gossip } = this.libp2p.services
    gossip.addEventListener('subscription-change', listener)
    this.libp2p.addEventListener('peer:disconnect', listener)
    return () => {
      gossip.removeEventListener('subscription-change', listener)
      this.libp2p.removeEventListener('peer:disconnect', listener)
    }
  }

  /** Resolves when what this peer publishes on a topic, without flooding, is sent to somebody. Rejects when `signal` fires. */
  async whenMeshed(topic: string, signal: AbortSignal): Promise<void> {
    await whenMeshed(this.libp2p.services.gossip, topic, signal)
  }

  /** Resolves when nothing that was sent waits here any more. Rejects when `signal` fires. */
  async whenNothingWaits(signal: AbortSignal): Promise<void> {
    await whenNothingWaits(this.libp2p.getConnections(), signal)
  }

  /** Hands a message to whoever subscribes; says to how many. That they got it, only they can say. */
  async publish(topic: string, data: Uint8Array): Promise<number> {
    const { recipients } = await this.libp2p.services.gossip.publish(topic, data)
    return recipients.length
  }

  /**
   * Serves a protocol. A handler that throws has its stream aborted, a peer that opens streams without end is sent away.
   * The handler is told the peer, and how limits count it.
   */
  async serve(
    protocol: string,
    options: StreamOptions,
    handler: (channel: Channel, peer: PeerIdBytes, from: Bringer) => Promise<void>
  ): Promise<void> {
    await this.libp2p.handle(
      protocol,
      async (stream, connection: Connection) => {
        const { remotePeer, remoteAddr } = connection
        const name = remotePeer.toString()
        if (!this.#streams.take(name, performance.now()))
          return this.#sendAway(remotePeer, 'too many streams')
        const channel = new Channel(stream, options)
        const peer = bytesOf(remotePeer)
        const from = bringerFrom(toHex(peer), originOf(remoteAddr))
        await handler(channel, peer, from).catch((error: unknown) => channel.abort(error))
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
    try {
      // An older one may be dead, and not known to be.
      const newest = this.libp2p.getConnections(peerIdOf(peer)).findLast(({ status }) => status === 'open')
      if (newest === undefined) throw new ConnectionClosedError('this peer is not connected to that one')
      const stream = await newest.newStream(protocol, { signal, maxOutboundStreams: options.streams })
      return new Channel(stream, options)
    } catch (error) {
      throw explained(error, this.#hasSwarmKey)
    }
  }

  #sendAway(peer: PeerId, why: string): void {
    for (const connection of this.libp2p.getConnections(peer)) connection.abort(new Error(why))
  }
}

const VERDICTS: Record<GossipVerdict, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  partly: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  later: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject
}
