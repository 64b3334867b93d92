import { setMaxListeners } from 'node:events'
import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from '../core/bytes.js'
import { decodeCanonical } from '../core/codec.js'
import { LIMITS } from '../core/limits.js'
import { encodeRefusal, type Reason, type ToldRefusal } from '../core/refusal.js'
import { Hello, Notice } from '../core/wire/tallystick.js'
import type { Service } from '../lifecycle/service.js'
import type { Channel } from '../network/channel.js'
import type { Host } from '../network/host.js'
import { RECEIPTS_PROTOCOL } from '../network/names.js'
import { RECEIPT_STREAMS } from '../network/stream-options.js'
import { RelayPlaces } from './relay-places.js'

const NOBODY = new Uint8Array(0)
const NOTHING = new Uint8Array(0)

/** A refusal of ours, or one passed on. */
export interface SealedRefusal extends ToldRefusal {
  /** What is wrong inside a sealed body, for the author alone, who has the key to it. */
  readonly sealedDetail?: Uint8Array
}
/** A message that nobody has verified. */
export interface Unverified {
  readonly leaf: Hash
  /** Who wrote it, as it says itself. */
  readonly named?: PeerIdBytes | undefined
}

export interface ReceiptServerOptions {
  readonly host: Host
  readonly network: Hash
  /** A monotonic clock, ms. */
  readonly clock: () => number
  /** Those whom the network document names: as followers they come before all others. */
  readonly named?: readonly PeerIdBytes[]
  /** Hears of each peer that says it follows. */
  readonly greeted?: (follower: PeerIdBytes) => void
  /** Why nobody can be served now; undefined where they can. */
  readonly whyNotReady?: () => string | undefined
}

/**
 * Tells each client, on a stream it keeps open, what became of its own messages, and each follower what
 * became of all, to pass it on. Who is away or does not read misses notices and nothing else: the receipts
 * stay in the journal, and a resend brings them.
 */
export class ReceiptServer implements Service {
  readonly #channels = new Map<string, Channel>()
  readonly #relays = new Map<string, Channel>()
  readonly #places: RelayPlaces
  readonly #stopping = new AbortController()

  constructor(private readonly options: ReceiptServerOptions) {
    const named = new Set((options.named ?? []).map(toHex))
    this.#places = new RelayPlaces(name => named.has(name))
  }

  async start(): Promise<void> {
    // One for each client that stays connected.
    setMaxListeners(0, this.#stopping.signal)
    const hello = { ...RECEIPT_STREAMS, frameBytes: LIMITS.helloBytes, unreadBytes: 2 * LIMITS.helloBytes }
    await this.options.host.serve(RECEIPTS_PROTOCOL, hello, (channel, peer) => this.#serve(channel, peer))
  }

  async stop(): Promise<void> {
    await this.options.host.unserve(RECEIPTS_PROTOCOL)
    const deadline = AbortSignal.timeout(LIMITS.stopMs / 5)
    await Promise.all(this.#all().map(channel => channel.close(deadline)))
    this.#stopping.abort(new Error('the peer is stopping'))
  }

  /** Sends everybody away: they look for another way to the sequencer. */
  dismiss(reason: string): void {
    for (const channel of this.#all()) channel.abort(new Error(reason))
  }

  accepted(author: PeerIdBytes, receipt: EnvelopeBytes): void {
    const notice = Notice.encode({ receipt })
    tell(this.#channels.get(toHex(author)), notice)
    for (const relay of this.#relays.values()) tell(relay, notice)
  }

  /** A message that `author` has signed. Followers are told `why`; `own`: what the author is told on his own connection. */
  refused(author: PeerIdBytes, leaf: Hash, why: SealedRefusal, own: ToldRefusal = why): void {
    tell(this.#channels.get(toHex(author)), refusalNotice(leaf, own, NOBODY))
    const notice = refusalNotice(leaf, why, author)
    for (const relay of this.#relays.values()) tell(relay, notice)
  }

  /**
   * Messages that have no author yet, as nobody has verified them: told to who handed them over and to nobody else.
   * A follower passes each on to the author that it names, if that one is its client.
   */
  turnedAway(bringer: PeerIdBytes, messages: readonly Unverified[], why: ToldRefusal): void {
    const name = toHex(bringer)
    tell(this.#channels.get(name), ...messages.map(({ leaf }) => refusalNotice(leaf, why, NOBODY)))
    tell(
      this.#relays.get(name),
      ...messages.flatMap(({ leaf, named }) => (named ? refusalNotice(leaf, why, named) : []))
    )
  }

  /** Whether this peer is a follower that is told about all messages. */
  tellsAll(peer: PeerIdBytes): boolean {
    return this.#relays.has(toHex(peer))
  }

  /** Another follower may have to go for it. */
  #hasPlace(peer: PeerIdBytes): boolean {
    const { host, clock } = this.options
    const origin = host.originOf(peer)
    // Its connection has ended meanwhile.
    if (origin === undefined) return false
    const admission = this.#places.enter(toHex(peer), origin, clock())
    if (admission.kind === 'full') return false
    if (admission.evicted === undefined) return true
    const evicted = this.#relays.get(admission.evicted)
    this.#relays.delete(admission.evicted)
    evicted?.abort(new Error('another follower has its place; it may ask again'))
    return true
  }

  #all(): Channel[] {
    return [...this.#channels.values(), ...this.#relays.values()]
  }

  async #serve(channel: Channel, peer: PeerIdBytes): Promise<void> {
    const frame = await channel.receive(AbortSignal.timeout(LIMITS.frameMs))
    if (frame === undefined) return channel.close(AbortSignal.timeout(LIMITS.frameMs))
    const hello = decodeCanonical('hello', Hello, frame)
    const { network, whyNotReady, greeted } = this.options
    if (!equal(hello.network, network)) return sendAway(channel, 'wrong network', `this is ${toHex(network)}`)
    if (hello.relay) greeted?.(peer)
    const unready = whyNotReady?.()
    if (unready !== undefined) return sendAway(channel, 'busy', unready)
    if (hello.relay && !this.#hasPlace(peer))
      return sendAway(
        channel,
        'busy',
        `this peer serves ${this.#relays.size} followers already; try again later`
      )
    const channels = hello.relay ? this.#relays : this.#channels
    const name = toHex(peer)
    const earlier = channels.get(name)
    channels.set(name, channel)
    earlier?.abort(new Error('the client has opened another receipts stream'))
    channel.onClose(() => {
      if (channels.get(name) !== channel) return
      channels.delete(name)
      if (hello.relay) this.#places.leave(name, this.options.clock())
    })
    await channel.send(Notice.encode({ ready: {} }), AbortSignal.timeout(LIMITS.frameMs))
    // A client has nothing more to say.
    const more = await channel.receive(this.#stopping.signal)
    if (more !== undefined) channel.abort(new Error('only a hello is expected on a receipts stream'))
  }
}

function refusalNotice(
  leaf: Hash,
  { sealedDetail = NOTHING, ...refusal }: SealedRefusal,
  author: Uint8Array
): Uint8Array {
  const sealed = sealedDetail.length > LIMITS.sealedDetailBytes ? NOTHING : sealedDetail
  return Notice.encode({ refused: { leaf, ...encodeRefusal(refusal), author, sealedDetail: sealed } })
}

function tell(channel: Channel | undefined, ...notices: readonly Uint8Array[]): void {
  if (channel?.isOpen !== true || notices.length === 0) return
  // A failed send has aborted the channel, and its close handler forgets it.
  channel.sendAll(notices, AbortSignal.timeout(LIMITS.frameMs)).catch(() => undefined)
}

async function sendAway(channel: Channel, reason: Reason, detail: string): Promise<void> {
  const refused = {
    leaf: NOTHING,
    ...encodeRefusal({ reason, detail }),
    author: NOBODY,
    sealedDetail: NOTHING
  }
  await channel.send(Notice.encode({ refused }), AbortSignal.timeout(LIMITS.frameMs))
  await channel.close(AbortSignal.timeout(LIMITS.frameMs))
}
