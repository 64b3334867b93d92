import { randomBytes } from 'node:crypto'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { RPC } from '@libp2p/gossipsub/message'
import type { PublicKey, Stream, StreamMuxerFactory } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { AbstractStreamMuxer } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { concat, utf8 } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { openingOf } from '../attacks/attacker.js'
import { varint } from '../core/protobuf.js'
import { Changes, deadline } from './changes.js'

const IDENTIFY = '/ipfs/id/1.0.0'
const GOSSIP = '/meshsub/1.2.0'

/** As many as libp2p reads. */
const IDENTIFY_MESSAGES = 10

/** What a stranger says of itself: much, with gossip or without; or nothing. */
export type Manner = (typeof MANNERS)[number]

export const MANNERS = [
  'says much',
  'says much, but nothing of gossip',
  'says nothing',
  'goes as soon as gossip is agreed on'
] as const

/**
 * A peer under a name that nobody has seen before. It connects, says of itself what it likes, takes part in gossip, asks to
 * be remembered for ever, and goes. Gives its names.
 */
export async function comeAndGo(address: string, topic: string, manner: Manner): Promise<string[]> {
  const key = await generateKeyPair('Ed25519')
  const news = new News()
  const goes = manner === 'goes as soon as gossip is agreed on'
  const libp2p = await createLibp2p({
    privateKey: key,
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [goes ? () => goesOnceAgreed(news) : yamux()]
  })
  try {
    if (manner.startsWith('says much'))
      await libp2p.handle(IDENTIFY, async stream => {
        for (let index = 0; index < IDENTIFY_MESSAGES; index += 1)
          stream.send(framed(identifyMessage(publicKeyToProtobuf(key.publicKey), index, manner)))
        await stream.close()
        news.happened('identified')
      })
    await libp2p.handle(GOSSIP, stream => {
      stream.addEventListener('message', () => news.happened('answered'))
      news.happened('has a stream')
    })
    const connection = await libp2p.dial(multiaddr(address), { signal: deadline() })
    if (manner.startsWith('says much')) await news.wait('identified')
    const stream = await connection.newStream(GOSSIP, { signal: deadline() })
    if (goes) {
      await news.wait('has gone')
      return namesOf(key.publicKey)
    }
    sendRpc(stream, { subscriptions: [{ subscribe: true, topic }], messages: [] })
    await news.wait('has a stream')
    sendRpc(stream, {
      subscriptions: [],
      messages: [],
      control: {
        ihave: [{ topicID: topic, messageIDs: [randomBytes(32)] }],
        iwant: [],
        graft: [{ topicID: topic }],
        prune: [{ topicID: topic, peers: [], backoff: 2 ** 40 }],
        idontwant: [{ messageIDs: [randomBytes(32)] }]
      }
    })
    await news.wait('answered')
    await stream.close({ signal: deadline() })
  } finally {
    await libp2p.stop()
  }
  return namesOf(key.publicKey)
}

/** A muxer that agrees on gossip with who opens a stream for it, and ends the connection with the same bytes. */
function goesOnceAgreed(news: News): StreamMuxerFactory {
  const inner = yamux()()
  return {
    protocol: inner.protocol,
    createStreamMuxer: wire => {
      const muxer = inner.createStreamMuxer(wire)
      if (!(muxer instanceof AbstractStreamMuxer)) throw new TypeError('this muxer is not known')
      muxer.onRemoteStream = stream => {
        muxer.streams.push(stream)
        stream.addEventListener('message', ({ data }) => {
          if (!Buffer.from(data.subarray()).includes(GOSSIP)) return
          stream.send(openingOf(GOSSIP))
          wire.close({ signal: deadline() }).then(() => news.happened('has gone'))
        })
      }
      return muxer
    }
  }
}

/** As libp2p writes them. */
export function namesOf(key: PublicKey): string[] {
  const id = peerIdFromPublicKey(key)
  return [id.toString(), id.toCID().toString()]
}

class News extends Changes {
  readonly #events = new Set<string>()

  happened(event: string): void {
    this.#events.add(event)
    this.changed()
  }

  async wait(event: string): Promise<void> {
    await this.until(event, () => this.#events.has(event))
  }
}

/** As large as libp2p reads here: addresses, protocols, versions, and where it claims to see the other side. */
function identifyMessage(publicKey: Uint8Array, index: number, manner: Manner): Uint8Array {
  const addresses = Array.from({ length: 50 }, (_, port) =>
    multiaddr(`/ip4/203.0.113.${index}/tcp/${1000 + port}`)
  )
  const observed = multiaddr(`/ip4/198.51.${randomBytes(1)[0]}.${randomBytes(1)[0]}/udp/4100/quic-v1`)
  const parts = [
    field(1, publicKey),
    ...addresses.map(({ bytes }) => field(2, bytes)),
    ...(manner === 'says much' ? [field(3, utf8(GOSSIP))] : []),
    field(3, utf8(`/protocol/${randomBytes(800).toString('hex')}`)),
    field(4, observed.bytes),
    field(5, utf8('version'))
  ]
  const room = LIMITS.identifyBytes - concat(...parts).length - 8
  return concat(...parts, field(6, utf8('a'.repeat(room))))
}

function field(number: number, content: Uint8Array): Uint8Array {
  return concat(varint(BigInt(number * 8 + 2)), varint(BigInt(content.length)), content)
}

function framed(bytes: Uint8Array): Uint8Array {
  return concat(varint(BigInt(bytes.length)), bytes)
}

function sendRpc(stream: Stream, rpc: RPC): void {
  stream.send(framed(RPC.encode(rpc)))
}
