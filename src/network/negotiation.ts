import {
  type ConnectionEncrypter,
  type ConnectionProtector,
  type MessageStream,
  type SecuredConnection,
  StreamMessageEvent,
  type StreamMuxer,
  type StreamMuxerFactory
} from '@libp2p/interface'
import { AbstractStreamMuxer } from '@libp2p/utils'
import { LIMITS } from '../core/limits.js'
import { guardMuxer, inShortFrames, type Reader } from './muxer-guard.js'
import type { ConnectionHosts, StreamRates } from './stream-rates.js'

/**
 * libp2p agrees on a protocol (multistream-select) for a connection, for its muxer and for each stream. While
 * it does, it gathers a length prefix without end byte by byte, some 10 µs each, without giving way to anything
 * else (lpStream of @libp2p/utils 7.4.1), and answers any number of names that nobody speaks: one megabyte from
 * anybody stops a peer for ten seconds. So what comes in is followed here until the protocol is agreed on, and
 * ended before libp2p sees it where no honest peer sends it.
 */

const ENCRYPTERS = ['/noise']
const MUXERS = ['/yamux/1.0.0', '/mplex/6.7.0']
const TOO_MANY = new Error('it opens too many streams')
const OWN = /^\/(ipfs|meshsub)\//
const HEADER = '/multistream/1.0.0'
const NOT_AVAILABLE = 'na'

/** Longer names are refused by libp2p, whose prefixes have two bytes at most. */
const LONGEST_LINE = 1024

/**
 * For connections that are not encrypted yet. `follow` has them before anything has come. `inner`: with a pre-shared key of
 * the network.
 */
export function guardedProtector(
  follow: (connection: MessageStream) => void,
  hosts: ConnectionHosts,
  inner?: ConnectionProtector
): ConnectionProtector {
  return {
    protect: async (connection, options) => {
      follow(connection)
      hosts.note(connection)
      const isProtected = inner === undefined ? connection : await inner.protect(connection, options)
      hosts.pass(connection, isProtected)
      guard(isProtected, line => ENCRYPTERS.includes(line))
      return isProtected
    }
  }
}

/** For connections whose muxer is not agreed on as part of the encryption. */
export function guardedEncrypter(inner: ConnectionEncrypter, hosts: ConnectionHosts): ConnectionEncrypter {
  const guarded = (connection: MessageStream, secured: SecuredConnection): SecuredConnection => {
    hosts.pass(connection, secured.connection)
    if (secured.streamMuxer === undefined) guard(secured.connection, line => MUXERS.includes(line))
    return secured
  }
  return {
    protocol: inner.protocol,
    secureInbound: async (connection, options) =>
      guarded(connection, await inner.secureInbound(connection, options)),
    secureOutbound: async (connection, options) =>
      guarded(connection, await inner.secureOutbound(connection, options))
  }
}

/** Of all connections of a peer, whichever muxers they have. */
export interface GuardedStreams {
  /** Those that this peer serves. */
  readonly protocols: () => readonly string[]
  readonly readers: Set<Reader>
  readonly hosts: ConnectionHosts
  /** Streams of libp2p's own protocols, and those that agree on no protocol. */
  readonly own: StreamRates
  readonly bare: StreamRates
}

/** For streams. */
export function guardedMuxer(inner: StreamMuxerFactory, streams: GuardedStreams): StreamMuxerFactory {
  return {
    protocol: inner.protocol,
    createStreamMuxer: (connection): StreamMuxer => {
      const muxer = inner.createStreamMuxer(connection)
      if (!(muxer instanceof AbstractStreamMuxer))
        throw new TypeError(`the muxer ${inner.protocol} is not known`)
      guardMuxer(muxer, connection, streams.readers)
      const host = streams.hosts.of(connection)
      const [takeOwn, takeBare] = [streams.own.of(host), streams.bare.of(host)]
      const isServed = (line: string): boolean => {
        if (!streams.protocols().includes(line)) return false
        // Where the peer is known, others are counted by it.
        if (OWN.test(line) && takeOwn() === undefined) connection.abort(TOO_MANY)
        return true
      }
      // Whoever opened the stream proposes: the answer is the header, the protocol, or that it is not available.
      const isAnswer = (line: string): boolean => line !== HEADER && line !== NOT_AVAILABLE
      const accept = muxer.onRemoteStream.bind(muxer)
      muxer.onRemoteStream = stream => {
        // The muxer ends its connection where taking what has come throws.
        const agreed = takeBare()
        if (agreed === undefined) throw TOO_MANY
        guard(stream, line => {
          const isLast = isServed(line)
          if (isLast) agreed()
          return isLast
        })
        inShortFrames(stream)
        const wasOpen = muxer.status === 'open'
        accept(stream)
        // Of streams that come before the connection is set up, the muxer takes few. At more it ends itself alone.
        if (wasOpen && muxer.status !== 'open') throw TOO_MANY
      }
      const create = muxer.createStream.bind(muxer)
      muxer.createStream = async options => {
        const stream = await create(options)
        guard(stream, isAnswer)
        inShortFrames(stream)
        return stream
      }
      return muxer
    }
  }
}

/** Ends the stream where what comes in before the last line is no negotiation. */
function guard(stream: MessageStream, isLast: (line: string) => boolean): void {
  const negotiation = new Negotiation(isLast)
  const dispatch = stream.dispatchEvent.bind(stream)
  // Whatever has come, before or after now, is handed on by this event.
  stream.dispatchEvent = (event: Event) => {
    if (!(event instanceof StreamMessageEvent)) return dispatch(event)
    const state = negotiation.follow(event.data.subarray())
    if (state === 'over') stream.dispatchEvent = dispatch
    if (state !== 'broken') return dispatch(event)
    stream.abort(new Error('this is not the negotiation of a protocol'))
    return true
  }
}

/** Lines behind their lengths. What follows the last one belongs to the protocol, even if it came with it. */
class Negotiation {
  #lines = 0
  /** Bytes of the length prefix, while it is read. */
  #prefix: number[] = []
  #length: number | undefined
  #line: number[] = []

  constructor(private readonly isLast: (line: string) => boolean) {}

  follow(bytes: Uint8Array): 'open' | 'over' | 'broken' {
    for (const byte of bytes) {
      if (this.#length === undefined) this.#readPrefix(byte)
      else this.#line.push(byte)
      if (this.#prefix.length >= 2 || (this.#length ?? 0) > LONGEST_LINE) return 'broken'
      if (this.#line.length !== this.#length) continue
      const line = Buffer.from(this.#line).toString('latin1').trimEnd()
      if (this.isLast(line)) return 'over'
      this.#lines += 1
      if (this.#lines > LIMITS.negotiationLines) return 'broken'
      this.#length = undefined
      this.#line = []
    }
    return 'open'
  }

  #readPrefix(byte: number): void {
    this.#prefix.push(byte)
    if (byte >= 0x80) return
    this.#length = this.#prefix.reduceRight((length, part) => length * 128 + (part & 0x7f), 0)
    this.#prefix = []
  }
}
