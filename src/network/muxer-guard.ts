import type { MessageStream } from '@libp2p/interface'
import type { AbstractMessageStream, AbstractStreamMuxer } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import { LIMITS } from '../core/limits.js'

/** The other end of a connection, as the reader of what is sent. */
export interface Reader {
  /** Bytes that wait for it, here and on its streams. */
  readonly unsent: number
  abort(error: Error): void
}

/**
 * Bounds what a muxer does for the other side, whatever the streams on it allow. By itself yamux gathers a frame of up to
 * 4 GB before it looks at the window of its stream, and answers each ping, also where the peer does not read the answers: 21 MB of
 * pings took 600 MB. `readers` has the connection for as long as it is open.
 */
export function guardMuxer(
  muxer: AbstractStreamMuxer,
  connection: MessageStream,
  readers: Set<Reader>
): void {
  const take = muxer.onData.bind(muxer)
  const frames = muxer.protocol.startsWith('/yamux/') ? new YamuxFrames() : undefined
  // What it throws ends the connection.
  muxer.onData = data => {
    frames?.follow(data)
    take(data)
  }
  // By itself a muxer that takes no more streams leaves its connection open, where it ended because too many came early.
  const abort = muxer.abort.bind(muxer)
  muxer.abort = error => {
    abort(error)
    connection.abort(error)
  }
  boundAnswers(muxer, connection)
  const reader: Reader = {
    get unsent() {
      return muxer.streams.reduce(
        (sum, { writeBufferLength }) => sum + writeBufferLength,
        connection.writeBufferLength
      )
    },
    abort: error => connection.abort(error)
  }
  readers.add(reader)
  connection.addEventListener('close', () => readers.delete(reader), { once: true })
}

/** Streams wait while the connection takes no more; what the muxer says for itself does not. */
function boundAnswers(muxer: AbstractStreamMuxer, connection: MessageStream): void {
  const send = sendUntilEnd(muxer)
  let waiting = 0
  muxer.send = data => {
    const mayGoOn = send(data)
    if (mayGoOn) waiting = 0
    else if (data.byteLength <= ANSWER_BYTES) waiting += 1
    if (waiting > LIMITS.unreadAnswers)
      connection.abort(new Error('it has the muxer answer, and does not read the answers'))
    return mayGoOn
  }
  connection.addEventListener('drain', () => {
    waiting = 0
  })
}

/**
 * What yamux says for itself on a connection that has ended goes nowhere. By itself it throws then, from listeners, timers
 * and microtasks, where nothing catches it and the whole process ends. A stream catches what comes of its own data.
 */
function sendUntilEnd(muxer: AbstractStreamMuxer): AbstractStreamMuxer['send'] {
  const send = muxer.send.bind(muxer)
  return data => {
    try {
      return send(data)
    } catch (error) {
      if (data.byteLength > HEADER_BYTES) throw error
      return false
    }
  }
}

/**
 * Has what is sent on a stream go in short frames. The other side answers each when all of it has come, and nothing else
 * tells on a slow line that what was sent arrives: it would be taken for a dead one in the middle of a long frame.
 */
export function inShortFrames(stream: AbstractMessageStream): void {
  let most = stream.maxMessageSize
  Object.defineProperty(stream, 'maxMessageSize', {
    get: () => Math.min(most ?? LIMITS.sentFrameBytes, LIMITS.sentFrameBytes),
    set: (bytes: number) => {
      most = bytes
    }
  })
}

/** No data that is worth sending is so short that many of them matter. */
const ANSWER_BYTES = 64

const HEADER_BYTES = 12
const DATA = 0

/** Follows the frames of yamux by their headers: version, type, flags (2), stream (4), length (4). */
class YamuxFrames {
  readonly #header = new DataView(new ArrayBuffer(HEADER_BYTES))
  /** Bytes of the header that have come. */
  #come = 0
  /** Bytes of the frame that are still to come behind its header. */
  #left = 0

  /** Throws at the header of a frame that is too long. */
  follow(data: Uint8Array | Uint8ArrayList): void {
    for (const bytes of data instanceof Uint8Array ? [data] : data) this.#follow(bytes)
  }

  #follow(bytes: Uint8Array): void {
    let offset = 0
    while (offset < bytes.length) {
      const skipped = Math.min(this.#left, bytes.length - offset)
      this.#left -= skipped
      offset += skipped
      while (this.#left === 0 && offset < bytes.length) {
        this.#header.setUint8(this.#come, bytes[offset] ?? 0)
        this.#come += 1
        offset += 1
        if (this.#come === HEADER_BYTES) this.#begin()
      }
    }
  }

  #begin(): void {
    this.#come = 0
    if (this.#header.getUint8(1) !== DATA) return
    this.#left = this.#header.getUint32(8)
    if (this.#left > LIMITS.muxerFrameBytes) throw new Error(`a frame of ${this.#left} bytes of the muxer`)
  }
}
