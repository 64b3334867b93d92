import { RPC } from '@libp2p/gossipsub/message'
import { identify } from '@libp2p/identify'
import type { PrivateKey, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { concat, toHex } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { varint } from '../core/protobuf.js'
import { Changes, deadline, present } from './changes.js'
import type { Cleanup } from './cleanup.js'

const PROTOCOL = '/meshsub/1.2.0'

/** A neighbour that speaks gossip by hand: it keeps all that it is sent, and sends whatever it likes. */
export class Gossiper extends Changes {
  readonly #chunks: Uint8Array[] = []
  #isHeard = false
  #ours: Stream | undefined

  private constructor(
    readonly key: PrivateKey,
    private readonly topic: string
  ) {
    super()
  }

  /** Is subscribed, and in the other side's mesh. */
  static async connect(cleanup: Cleanup, address: string, key: PrivateKey, topic: string): Promise<Gossiper> {
    const gossiper = new Gossiper(key, topic)
    const libp2p = await createLibp2p({
      privateKey: key,
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify() }
    })
    cleanup.add(async () => await libp2p.stop())
    await libp2p.handle(PROTOCOL, stream => gossiper.#listen(stream))
    const connection = await libp2p.dial(multiaddr(address), { signal: deadline() })
    gossiper.#ours = await connection.newStream(PROTOCOL, { signal: deadline() })
    gossiper.send({ subscriptions: [{ subscribe: true, topic }] })
    // Whoever has a stream to us grafts us when it hears that; until then it cannot.
    await gossiper.until('a stream of the other side', () => gossiper.#isHeard)
    gossiper.send({ control: { graft: [{ topicID: topic }] } })
    await gossiper.until('its subscription', () => gossiper.rpcs.some(rpc => rpc.subscriptions.length > 0))
    return gossiper
  }

  /** All bytes that the other side has sent by gossip. */
  get bytes(): Uint8Array {
    return concat(...this.#chunks)
  }

  /** As far as they are complete. */
  get rpcs(): RPC[] {
    const { bytes } = this
    const found: RPC[] = []
    for (let offset = 0; offset < bytes.length; ) {
      const { length, start } = prefixAt(bytes, offset)
      if (start + length > bytes.length) break
      found.push(RPC.decode(bytes.subarray(start, start + length)))
      offset = start + length
    }
    return found
  }

  get messages(): RPC.Message[] {
    return this.rpcs.flatMap(({ messages }) => messages)
  }

  /** The ids, in hex, of messages that the other side says it has. */
  get offered(): string[] {
    const offers = this.rpcs.flatMap(({ control }) => control?.ihave ?? [])
    return offers.flatMap(({ messageIDs }) => messageIDs).map(toHex)
  }

  /** Resolves when it has been sent, or offered, these data. */
  async hears(data: Uint8Array): Promise<void> {
    const id = toHex(sha256(data))
    await this.until('the message', () => this.offered.includes(id) || this.#has(data))
  }

  publish(...messages: readonly Partial<RPC.Message>[]): void {
    const { topic } = this
    this.send({ messages: messages.map(message => ({ topic, ...message })) })
  }

  /** Leaves the mesh of the other side, and stays subscribed. */
  prune(): void {
    this.send({ control: { prune: [{ topicID: this.topic, peers: [], backoff: 600 }] } })
  }

  send({ control, ...rest }: RpcParts): void {
    const nothing = { ihave: [], iwant: [], graft: [], prune: [], idontwant: [] }
    const rpc = RPC.encode({
      subscriptions: [],
      messages: [],
      ...rest,
      ...(control && { control: { ...nothing, ...control } })
    })
    present(this.#ours, 'the stream').send(concat(varint(BigInt(rpc.length)), rpc))
  }

  #has(data: Uint8Array): boolean {
    return this.messages.some(message => message.data !== undefined && toHex(message.data) === toHex(data))
  }

  #listen(stream: Stream): void {
    this.#isHeard = true
    stream.addEventListener('message', ({ data }) => {
      this.#chunks.push(data.subarray())
      this.changed()
    })
    this.changed()
  }
}

interface RpcParts {
  readonly subscriptions?: RPC.SubOpts[]
  readonly messages?: RPC.Message[]
  readonly control?: Partial<RPC.ControlMessage>
}

function prefixAt(bytes: Uint8Array, offset: number): { readonly length: number; readonly start: number } {
  let length = 0
  let start = offset
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[start] ?? 0
    start += 1
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) return { length, start }
  }
}
