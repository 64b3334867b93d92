import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromText, peerIdToString } from '#src/core/keys.js'
import { type GossipVerdict, Host } from '#src/network/host.js'
import { BenchProcess } from './children.js'

export const TOPICS = { messages: 'bench-messages', acks: 'bench-acks' } as const
/** The receiver says so after each so many messages: gossip has no backpressure of its own. */
export const ACK_EVERY = 256

export type Muxers = readonly ('yamux' | 'mplex')[]

export interface GossipArgument {
  readonly address: string
  readonly peer: string
  readonly messages: number
  readonly bytes: number
  readonly muxers: Muxers
}

/** Messages a second that one process receives by gossipsub from another one, single, as this project sets gossipsub up. */
export async function gossipPerSecond(messages: number, bytes: number, muxers: Muxers): Promise<number> {
  const host = await Host.create({
    key: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    topics: Object.values(TOPICS),
    muxers
  })
  await host.start()
  const [address] = host.addresses()
  if (address === undefined) throw new Error('the receiver listens nowhere')
  const argument: GossipArgument = { address, peer: peerIdToString(host.peerId), messages, bytes, muxers }
  let received = 0
  let start = 0
  let end = 0
  host.subscribe(TOPICS.messages, async (): Promise<GossipVerdict> => {
    end = performance.now()
    if (received === 0) start = end
    received += 1
    if (received % ACK_EVERY === 0) {
      const ack = Buffer.alloc(4)
      ack.writeUInt32BE(received)
      await host.publish(TOPICS.acks, ack)
    }
    return 'ignore'
  })
  const publisher = new BenchProcess('gossip-process', argument)
  try {
    const publishing = peerIdFromText(await publisher.ask<string>('peer', 30_000))
    await host.whenSubscribed(TOPICS.acks, publishing, AbortSignal.timeout(10_000))
    // Answers when all has been acknowledged.
    await publisher.ask<number>('publish', 120_000)
    return (received * 1000) / (end - start)
  } finally {
    await publisher.end()
    await host.stop()
  }
}
