import { randomBytes } from 'node:crypto'
import { encodeBundle } from '#src/core/bundle.js'
import { type EnvelopeBytes, toHex } from '#src/core/bytes.js'
import { decodeCanonical } from '#src/core/codec.js'
import { VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { leafHash } from '#src/core/merkle.js'
import { type Network, sequencerOf } from '#src/core/network.js'
import { readReceipt } from '#src/core/receipt.js'
import { Hello, Notice } from '#src/core/wire/tallystick.js'
import { Wakeup, within } from '#src/lifecycle/waiting.js'
import type { Channel } from '#src/network/channel.js'
import { Host } from '#src/network/host.js'
import { RECEIPTS_PROTOCOL, topicsOf } from '#src/network/names.js'
import { RECEIPT_STREAMS } from '#src/network/stream-options.js'
import type { Holder } from './holder.js'
import type { Stranger, Told } from './stranger.js'

/** Gossip may lose a message without a word: it is published so often, */
const TRIES = 5
/** and again after so many ms. */
const AGAIN_MS = 3_000

/**
 * In the order of a sequencer: publishes on the messages topic, and hears on its receipts stream what the sequencer
 * says to it and, where its key has signed it, to its author.
 */
export class PublishingStranger implements Stranger {
  readonly #verifiers = new VerifierCache()
  readonly #heard = new Wakeup()
  /** By leaf in hex. */
  readonly #told = new Map<string, Told>()
  /** Of what has a receipt, by leaf in hex. */
  readonly #positions = new Map<string, number>()
  readonly #stopping = new AbortController()
  #listening: Promise<void> = Promise.resolve()

  private constructor(
    private readonly host: Host,
    private readonly network: Network,
    private readonly signal: AbortSignal
  ) {}

  static async connect(
    { key }: Holder,
    network: Network,
    address: string,
    signal: AbortSignal
  ): Promise<PublishingStranger> {
    const topics = topicsOf(network.id)
    const host = await Host.create({ key, listen: [], topics: Object.values(topics) })
    await host.start()
    const stranger = new PublishingStranger(host, network, signal)
    try {
      const soon = within(LIMITS.firstConnectionMs, signal)
      const peer = await host.connect(address, soon)
      await host.whenSubscribed(topics.messages, peer, soon)
      const channel = await host.open(peer, RECEIPTS_PROTOCOL, RECEIPT_STREAMS, soon)
      await channel.send(Hello.encode({ network: network.id, relay: false }), soon)
      const first = await channel.receive(soon)
      if (first === undefined || decodeCanonical('notice', Notice, first).ready === undefined)
        throw new Error('the sequencer does not tell what becomes of messages')
      stranger.#listening = stranger.#listen(channel)
      return stranger
    } catch (error) {
      await host.stop()
      throw error
    }
  }

  async hand(envelope: EnvelopeBytes): Promise<Told> {
    const leaf = toHex(leafHash(envelope))
    this.#told.delete(leaf)
    for (let tries = 0; tries < TRIES && !this.signal.aborted; tries += 1) {
      await this.#publish(envelope)
      const late = within(AGAIN_MS, this.signal)
      while (!late.aborted) {
        const told = this.#told.get(leaf)
        if (told !== undefined) return told
        await this.#heard.wait(late)
      }
    }
    return { kind: 'silent', why: `the sequencer says nothing of ${leaf}` }
  }

  /** What has not left is published again, too. */
  async #publish(envelope: EnvelopeBytes): Promise<void> {
    const bundle = encodeBundle([envelope], randomBytes(8))
    await this.host.publish(topicsOf(this.network.id).messages, bundle).catch(() => undefined)
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the stranger goes'))
    await this.host.stop()
    await this.#listening
  }

  /** Until the stream ends: who hears nothing any more is told so by `hand`. */
  async #listen(channel: Channel): Promise<void> {
    try {
      for (;;) {
        const frame = await channel.receive(this.#stopping.signal)
        if (frame === undefined) return
        this.#hear(frame)
        this.#heard.wake()
      }
    } catch {
      // The stream was aborted.
    }
  }

  #hear(frame: Uint8Array): void {
    const { receipt, refused } = decodeCanonical('notice', Notice, frame)
    if (refused) {
      const { leaf, reason, detail } = refused
      this.#told.set(toHex(leaf), { kind: 'refused', reason, detail })
    }
    if (!receipt) return
    const { entries } = readReceipt(receipt, this.network.id, sequencerOf(this.network), this.#verifiers)
    for (const { leaf, position } of entries) {
      const name = toHex(leaf)
      // A message that is counted once has one position, however often it comes.
      const isKnown = this.#positions.get(name) === position
      this.#positions.set(name, position)
      this.#told.set(name, { kind: isKnown ? 'known' : 'accepted' })
    }
  }
}
