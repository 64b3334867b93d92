import { connect as connectTcp, type Socket } from 'node:net'
import type {
  Connection,
  ConnectionEncrypter,
  Libp2p,
  MessageStream,
  SecuredConnection,
  Stream,
  StreamMuxer,
  StreamMuxerFactory
} from '@libp2p/interface'
import { mplex } from '@libp2p/mplex'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { concat, utf8 } from '#src/core/bytes.js'
import { QUERY_PROTOCOL } from '#src/network/names.js'
import { varint } from '../core/protobuf.js'
import { Changes, deadline, present } from '../helpers/changes.js'
import type { Cleanup } from '../helpers/cleanup.js'
import { identity } from '../helpers/networks.js'

const MUXERS = { yamux: yamux({ maxOutboundStreams: 5000 }), mplex: mplex() }

/** The first line of every negotiation, behind its length. */
export const MULTISTREAM = utf8('\u0013/multistream/1.0.0\n')

/** What opens a stream of a protocol, without waiting for an answer. */
export function openingOf(protocol: string): Uint8Array {
  return concat(MULTISTREAM, varint(BigInt(protocol.length + 1)), utf8(`${protocol}\n`))
}

/** A bare libp2p peer that keeps to no rules above its connection: it writes whatever bytes to whatever stream. */
export class Attacker {
  private constructor(
    private readonly libp2p: Libp2p,
    private readonly connection: Connection,
    private readonly muxer: StreamMuxer,
    /** What the muxer writes to, encrypted. */
    private readonly wire: MessageStream
  ) {}

  static async connect(
    cleanup: Cleanup,
    address: string,
    who: string,
    muxerName: keyof typeof MUXERS = 'yamux'
  ): Promise<Attacker> {
    const muxers: StreamMuxer[] = []
    const wires: MessageStream[] = []
    const factory = (): StreamMuxerFactory => {
      const inner: StreamMuxerFactory = MUXERS[muxerName]()
      return {
        protocol: inner.protocol,
        createStreamMuxer: connection => {
          const muxer = inner.createStreamMuxer(connection)
          muxers.push(muxer)
          wires.push(connection)
          return muxer
        }
      }
    }
    const libp2p = await createLibp2p({
      privateKey: await identity(who),
      transports: [tcp()],
      // With yamux the muxer is agreed on as part of the encryption, with mplex in a negotiation of its own.
      connectionEncrypters: [muxerName === 'yamux' ? noise() : noiseAlone],
      streamMuxers: [factory]
    })
    cleanup.add(async () => await libp2p.stop())
    const connection = await libp2p.dial(multiaddr(address), { signal: deadline() })
    const [muxer, wire] = [present(muxers[0], 'the muxer'), present(wires[0], 'the wire')]
    return new Attacker(libp2p, connection, muxer, wire)
  }

  /** The other side says that it ends a connection before it does. */
  get isConnected(): boolean {
    return this.connection.status === 'open' && this.muxer.status === 'open'
  }

  async open(protocol: string): Promise<RawStream> {
    return new RawStream(
      await this.connection.newStream(protocol, { signal: deadline(), maxOutboundStreams: 5000 })
    )
  }

  /** A stream for which no protocol has been agreed on. */
  async openBare(): Promise<RawStream> {
    return new RawStream(await this.muxer.createStream())
  }

  /**
   * Sends bytes beside what the muxer sends, on no stream. Resolves when they have left; once the connection has ended it
   * does nothing.
   */
  async sendRaw(bytes: Uint8Array): Promise<void> {
    const { wire } = this
    if (wire.status !== 'open' || wire.send(bytes) || wire.writeBufferLength === 0) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    for (const event of ['idle', 'close'] as const)
      wire.addEventListener(event, () => resolve(), { once: true })
    const late = deadline()
    late.addEventListener('abort', () => reject(new Error('the other side takes nothing more')))
    await promise
  }

  /** Resolves when the other side has ended the connection. */
  async ended(): Promise<void> {
    if (this.wire.status !== 'open') return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.wire.addEventListener('close', () => resolve(), { once: true })
    const late = deadline()
    late.addEventListener('abort', () => reject(new Error('the connection is still open')))
    await promise
  }

  /** Reads nothing from the connection any more. */
  deafen(): void {
    this.wire.pause()
  }

  /** Takes what the other side sends on streams that it opens itself. */
  async accept(protocol: string, received: (stream: RawStream) => void): Promise<void> {
    await this.libp2p.handle(protocol, stream => received(new RawStream(stream)))
  }
}

function noiseAlone(components: Parameters<ReturnType<typeof noise>>[0]): ConnectionEncrypter {
  const inner = noise()(components)
  return {
    protocol: inner.protocol,
    secureInbound: (connection, options) => inner.secureInbound(connection, options),
    secureOutbound: (connection, options) =>
      inner.secureOutbound(connection, { ...options, skipStreamMuxerNegotiation: true })
  }
}

/** An encrypted connection to the address for which no muxer has been agreed on. */
export async function connectWithoutMuxer(
  cleanup: Cleanup,
  address: string,
  who: string
): Promise<RawStream> {
  const { promise, resolve } = Promise.withResolvers<MessageStream>()
  const { promise: never } = Promise.withResolvers<SecuredConnection>()
  const libp2p = await createLibp2p({
    privateKey: await identity(who),
    transports: [tcp()],
    connectionEncrypters: [
      components => {
        const alone = noiseAlone(components)
        return {
          ...alone,
          secureOutbound: async (connection, options) => {
            resolve((await alone.secureOutbound(connection, options)).connection)
            return never
          }
        }
      }
    ],
    streamMuxers: [yamux()]
  })
  cleanup.add(async () => await libp2p.stop())
  const dialling = new AbortController()
  cleanup.add(async () => dialling.abort())
  libp2p.dial(multiaddr(address), { signal: dialling.signal }).catch(() => undefined)
  return new RawStream(await promise)
}

/** A stream without frames: bytes out, bytes in. */
export class RawStream extends Changes {
  /** What has come so far. */
  readonly chunks: Uint8Array[] = []

  constructor(private readonly stream: MessageStream & Partial<Stream>) {
    super()
    stream.addEventListener('message', ({ data }) => {
      this.chunks.push(data.subarray())
      this.changed()
    })
    for (const event of ['close', 'remoteCloseWrite'] as const)
      stream.addEventListener(event, () => this.changed())
  }

  get received(): number {
    return this.chunks.reduce((sum, { length }) => sum + length, 0)
  }

  get isOpen(): boolean {
    return this.stream.status === 'open' && (this.stream.remoteWriteStatus ?? 'writable') === 'writable'
  }

  get wasReset(): boolean {
    return this.stream.status === 'reset'
  }

  /** Resolves when the bytes have left or, by backpressure, may follow; once the stream has ended it does nothing. */
  async send(bytes: Uint8Array): Promise<void> {
    if (this.stream.status !== 'open') return
    if (!this.stream.send(bytes)) await this.stream.onDrain({ signal: deadline() }).catch(() => undefined)
  }

  /** Reads nothing from now on, so that the other side may send no more than a window. */
  stopReading(): void {
    this.stream.pause()
  }

  async end(): Promise<void> {
    await this.stream.close({ signal: deadline() })
  }

  reset(): void {
    this.stream.abort(new Error('reset by the attacker'))
  }

  /** Resolves when the other side has ended the stream, gracefully or by a reset. */
  async ended(): Promise<void> {
    await this.until('the stream is ended by the other side', () => !this.isOpen)
  }

  /** Resolves when something has come, or the other side has ended the stream. */
  async hearsOrEnds(): Promise<void> {
    await this.until('bytes, or an end', () => this.received > 0 || !this.isOpen)
  }

  /** Resolves when so many bytes have come. */
  async hears(bytes: number): Promise<void> {
    await this.until(`${bytes} bytes`, () => this.received >= bytes)
  }

  protected override describe(): string {
    return `${this.stream.status}, remote end ${this.stream.remoteWriteStatus}, ${this.received} bytes received`
  }
}

/** Streams for which no protocol has been agreed on, on a connection that is known to be up: early ones end it. */
export async function openAtOnce(attacker: Attacker, count: number): Promise<RawStream[]> {
  await (await attacker.open(QUERY_PROTOCOL)).end()
  return Promise.all(Array.from({ length: count }, () => attacker.openBare()))
}

/** Resolves when the other side has ended all but `few` of the streams. */
export async function whenFewAreLeft(streams: readonly RawStream[], few: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let left = streams.length
  for (const stream of streams)
    stream.ended().then(() => {
      left -= 1
      if (left <= few) resolve()
    }, reject)
  await promise
}

/** A TCP connection on which nobody speaks libp2p. */
export async function connectBare(cleanup: Cleanup, address: string): Promise<Socket> {
  const [, , host, , port] = address.split('/')
  const socket = connectTcp(Number(port), host)
  // Being reset is what such a connection is for.
  socket.on('error', () => undefined)
  cleanup.add(async () => {
    socket.destroy()
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once('connect', () => resolve())
  await promise
  return socket
}

/** Resolves when the other side has closed the connection. */
export async function whenClosed(socket: Socket): Promise<void> {
  if (socket.closed) return
  socket.resume()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('close', () => resolve())
  const late = deadline()
  late.addEventListener('abort', () => reject(new Error('the connection is still open')))
  await promise
}
