import { randomBytes } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { ChatRoom } from '../chat/chat-room.js'
import type { Hash } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Rate } from '../core/rate-limiter.js'
import { type Service, ServiceList } from '../lifecycle/service.js'
import { Announcement } from '../network/announcement.js'
import { Host, type HostRates } from '../network/host.js'
import { chatTopicOf } from '../network/names.js'
import { PeerDiscovery } from '../network/peer-discovery.js'
import { PeerExchange } from '../network/peer-exchange.js'
import type { PeerOptions } from './peer-options.js'

/** A chat keeps nothing: it has neither a database nor a clock of the world. */
export interface ChatOptions extends Pick<PeerOptions, 'listen' | 'report' | 'admitted' | 'swarmKey'> {
  /** In place of those in LIMITS. `line`: of each neighbour, and of this peer itself. */
  readonly rates?: HostRates & { readonly line?: Rate; readonly passedLine?: Rate }
  /** One that nobody has seen before shows nothing of who is there. */
  readonly key: PrivateKey
  /** That of a room, or of any other network. */
  readonly network: Hash
  readonly connect: readonly string[]
  /** In place of those in LIMITS. */
  readonly neighbours?: number
  /** Ends a start that still looks for neighbours. */
  readonly stopping: AbortSignal
}

/** A peer of the anonymous chat. It has started once it has found its first neighbours, or has not found any. */
export interface Chat extends Service {
  /** Says a line to all, once there is somebody to hear it. The lines of others are reported. */
  say(text: string, signal: AbortSignal): Promise<void>
  /** Resolves when the neighbours have what was said. Rejects when `signal` fires. */
  settled(signal: AbortSignal): Promise<void>
}

export async function createChat(options: ChatOptions): Promise<Chat> {
  const { network, connect, report, stopping, rates, neighbours = LIMITS.roomNeighbours } = options
  const topic = chatTopicOf(network)
  const clock = (): number => performance.now()
  const host = await Host.create({ ...options, topics: [topic], isAnonymous: true })
  const exchange = new PeerExchange(host, network)
  const room = new ChatRoom({
    host,
    topic,
    random: bytes => randomBytes(bytes),
    clock,
    rate: rates?.line ?? LIMITS.lineRate,
    passedRate: rates?.passedLine ?? LIMITS.passedLineRate,
    report
  })
  const services = new ServiceList([
    exchange,
    host,
    room,
    new PeerDiscovery({ host, exchange, topic, connect, neighbours, report, clock, stopping }),
    new Announcement('chat', network, host, report)
  ])
  return {
    start: () => services.start(),
    stop: () => services.stop(),
    say: (text, signal) => room.say(text, signal),
    settled: async signal => {
      await host.whenNothingWaits(signal)
      // Whoever answers has read what came before the question on the same connection.
      await Promise.allSettled(host.subscribers(topic).map(peer => exchange.ask(peer, signal)))
    }
  }
}
