import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from '../core/bytes.js'
import { decodeCanonical } from '../core/codec.js'
import { LIMITS } from '../core/limits.js'
import type { Refusal } from '../core/refusal.js'
import { Hello, Notice } from '../core/wire/tallystick.js'
import type { Channel } from '../network/channel.js'
import type { Host, StreamOptions } from '../network/host.js'
import { RECEIPTS_PROTOCOL } from '../network/names.js'
import type { Service } from './service.js'

export const RECEIPT_STREAMS: StreamOptions = {
  streams: LIMITS.receiptStreams,
  frameBytes: LIMITS.noticeBytes,
  unreadBytes: LIMITS.noticeQueueBytes,
  unsentBytes: LIMITS.noticeQueueBytes
}

/**
 * Tells each client, on a stream it keeps open, what became of its own messages. A client that is away or
 * does not read misses notices and nothing else: its receipts stay in the journal, and a resend brings them.
 */
export class ReceiptServer implements Service {
  readonly #channels = new Map<string, Channel>()
  readonly #stopping = new AbortController()

  constructor(
    private readonly host: Host,
    private readonly network: Hash
  ) {}

  async start(): Promise<void> {
    const hello = { ...RECEIPT_STREAMS, frameBytes: LIMITS.helloBytes, unreadBytes: 2 * LIMITS.helloBytes }
    await this.host.serve(RECEIPTS_PROTOCOL, hello, (channel, peer) => this.#serve(channel, peer))
  }

  async stop(): Promise<void> {
    await this.host.unserve(RECEIPTS_PROTOCOL)
    const deadline = AbortSignal.timeout(LIMITS.stopMs / 5)
    await Promise.all([...this.#channels.values()].map(channel => channel.close(deadline)))
    this.#stopping.abort(new Error('the peer is stopping'))
  }

  accepted(author: PeerIdBytes, receipt: EnvelopeBytes): void {
    this.#tell(author, Notice.encode({ receipt }))
  }

  refused(peer: PeerIdBytes, leaf: Hash, { reason, detail }: Refusal): void {
    this.#tell(peer, Notice.encode({ refused: { leaf, reason, detail: detail.slice(0, 500) } }))
  }

  #tell(peer: PeerIdBytes, notice: Uint8Array): void {
    const channel = this.#channels.get(toHex(peer))
    if (channel?.isOpen !== true) return
    // A failed send has aborted the channel, and its close handler forgets it.
    channel.send(notice, AbortSignal.timeout(LIMITS.frameMs)).catch(() => undefined)
  }

  async #serve(channel: Channel, peer: PeerIdBytes): Promise<void> {
    const frame = await channel.receive(AbortSignal.timeout(LIMITS.frameMs))
    if (frame === undefined) return
    const hello = decodeCanonical('hello', Hello, frame)
    if (!equal(hello.network, this.network)) {
      const refused = {
        leaf: new Uint8Array(0),
        reason: 'wrong network',
        detail: `this is ${toHex(this.network)}`
      }
      await channel.send(Notice.encode({ refused }), AbortSignal.timeout(LIMITS.frameMs))
      return channel.close(AbortSignal.timeout(LIMITS.frameMs))
    }
    const name = toHex(peer)
    const earlier = this.#channels.get(name)
    this.#channels.set(name, channel)
    earlier?.abort(new Error('the client has opened another receipts stream'))
    channel.onClose(() => {
      if (this.#channels.get(name) === channel) this.#channels.delete(name)
    })
    await channel.send(Notice.encode({ ready: {} }), AbortSignal.timeout(LIMITS.frameMs))
    // A client has nothing more to say.
    const more = await channel.receive(this.#stopping.signal)
    if (more !== undefined) channel.abort(new Error('only a hello is expected on a receipts stream'))
  }
}
