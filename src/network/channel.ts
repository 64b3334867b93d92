import type { Stream } from '@libp2p/interface'
import { lpStream, UnexpectedEOFError } from '@libp2p/utils'
import * as varint from 'uint8-varint'
import type { Uint8ArrayList } from 'uint8arraylist'
import { asError } from './connection-errors.js'

export interface ChannelLimits {
  /** Bytes of a frame, either way. */
  readonly frameBytes: number
  /** Bytes that may have come without being read. Neither muxer holds a sender back for us. */
  readonly unreadBytes: number
  /** Bytes that may wait for a slow reader on the other side. */
  readonly unsentBytes: number
}

/**
 * A libp2p stream of length-prefixed frames. Every read and write takes a signal as its deadline; one that
 * fails has aborted the stream, so that no half-read frame is ever taken for the next one.
 */
export class Channel {
  readonly #frames

  constructor(
    private readonly stream: Stream,
    limits: ChannelLimits
  ) {
    stream.maxReadBufferLength = limits.unreadBytes
    stream.maxWriteBufferLength = limits.unsentBytes
    this.#frames = lpStream(stream, {
      maxLengthLength: LENGTH_BYTES,
      lengthDecoder: decodeLength,
      maxDataLength: limits.frameBytes,
      maxBufferSize: limits.unreadBytes
    })
  }

  get isOpen(): boolean {
    return this.stream.status === 'open'
  }

  /** Runs `listener` once the stream has ended, however it did: at once where it has ended already. */
  onClose(listener: () => void): void {
    if (ENDED.has(this.stream.status)) listener()
    else this.stream.addEventListener('close', listener, { once: true })
  }

  /** The next frame, or undefined where the other side has ended the stream. */
  async receive(signal: AbortSignal): Promise<Uint8Array | undefined> {
    try {
      const frame = await this.#frames.read({ signal })
      return frame.subarray()
    } catch (error) {
      // More has come than may wait where this side has ended it: that is no end of what the other side had to say.
      if (error instanceof UnexpectedEOFError && this.stream.status !== 'aborted') return undefined
      throw this.abort(error)
    }
  }

  /** Resolves when the frame has left, or waits in a queue that has room for the next one. */
  send(frame: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.sendAll([frame], signal)
  }

  /** The same for many at once, which costs little more than one. */
  async sendAll(frames: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    try {
      await this.#frames.writeV([...frames], { signal })
    } catch (error) {
      throw this.abort(error)
    }
  }

  /** Ends our side; what was sent still arrives. */
  async close(signal: AbortSignal): Promise<void> {
    try {
      await this.stream.close({ signal })
    } catch (error) {
      this.abort(error)
    }
  }

  /** Ends our side, and takes nothing more of what the other side still sends. */
  async finish(signal: AbortSignal): Promise<void> {
    await this.close(signal)
    try {
      await this.stream.closeRead({ signal })
    } catch (error) {
      this.abort(error)
    }
  }

  /** Ends both sides at once. Gives the reason back as an Error, to throw. */
  abort(reason: unknown): Error {
    const error = asError(reason)
    this.stream.abort(error)
    return error
  }
}

const ENDED: ReadonlySet<Stream['status']> = new Set(['closed', 'aborted', 'reset'])

/** Four bytes of length reach 2^28, more than any frame has. */
const LENGTH_BYTES = 4

/**
 * An unsigned varint in its shortest form. The reader takes a RangeError for "more bytes are needed", so that
 * only an end to that keeps an endless prefix from being gathered byte by byte.
 */
function decodeLength(prefix: Uint8ArrayList): number {
  const last = prefix.get(prefix.byteLength - 1)
  if (last >= 0x80 && prefix.byteLength >= LENGTH_BYTES)
    throw new TypeError(`a length prefix of more than ${LENGTH_BYTES} bytes`)
  if (last === 0 && prefix.byteLength > 1)
    throw new TypeError('a length prefix that is longer than it needs to be')
  return varint.decode(prefix)
}
