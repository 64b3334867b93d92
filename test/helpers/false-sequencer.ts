import { setImmediate } from 'node:timers/promises'
import type { PrivateKey } from '@libp2p/interface'
import { type Handler, replyWith } from '#src/api/handler.js'
import { decodeBundle } from '#src/core/bundle.js'
import { type EnvelopeBytes, toHex, utf8 } from '#src/core/bytes.js'
import { certifyKey } from '#src/core/encryption-key.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { sha256 } from '#src/core/hash.js'
import { leafHash } from '#src/core/merkle.js'
import { decodeMessage } from '#src/core/message.js'
import { type Receipt, signReceipt } from '#src/core/receipt.js'
import type { SealingKey } from '#src/core/sealing.js'
import { Notice } from '#src/core/wire/tallystick.js'
import type { Channel } from '#src/network/channel.js'
import { Host } from '#src/network/host.js'
import { RECEIPTS_PROTOCOL, topicsOf } from '#src/network/names.js'
import { RECEIPT_STREAMS } from '#src/network/stream-options.js'
import { undated } from './certificates.js'
import { Changes, deadline, present } from './changes.js'
import type { Cleanup } from './cleanup.js'
import type { TestNetwork } from './networks.js'
import { serve } from './served.js'

const NOBODY = new Uint8Array(0)

/** A notice, of whose refusal what is left out is empty. */
interface Told {
  readonly receipt?: Uint8Array
  readonly refused?: {
    readonly leaf: Uint8Array
    readonly reason: string
    readonly detail: string
    readonly sealedDetail?: Uint8Array
  }
}

/**
 * A peer with the sequencer's identity that stores nothing and answers messages with whatever a test wants:
 * what a client would meet if the sequencer lied.
 */
export class FalseSequencer extends Changes {
  /** Bundles from the messages topic, in the order of arrival. */
  readonly bundles: EnvelopeBytes[][] = []
  /** Each message once, in the order in which they first arrived. */
  readonly #messages = new Map<string, EnvelopeBytes>()
  #channel: Channel | undefined
  /** What it certifies as its encryption key, and how often it was asked for it. */
  key: SealingKey
  keyQueries = 0
  /** A certificate that the sequencer once signed, to be shown in place of that. */
  certificate: EnvelopeBytes | undefined

  private constructor(
    readonly net: TestNetwork,
    private readonly host: Host
  ) {
    super()
    this.key = net.openingKey
  }

  /** It answers queries about its key, and those that `responders` know. */
  static start(cleanup: Cleanup, net: TestNetwork, ...handlers: readonly Handler[]): Promise<FalseSequencer> {
    return FalseSequencer.startAs(cleanup, net, net.key, ...handlers)
  }

  /** The same with another identity: a follower that lies. */
  static async startAs(
    cleanup: Cleanup,
    net: TestNetwork,
    identity: PrivateKey,
    ...handlers: readonly Handler[]
  ): Promise<FalseSequencer> {
    const { messages, evidence } = topicsOf(net.network.id)
    const topics = [messages, evidence]
    const host = await Host.create({ key: identity, listen: ['/ip4/127.0.0.1/tcp/0'], topics })
    const sequencer = new FalseSequencer(net, host)
    const key: Handler = {
      reply: query => {
        if (query.kind !== 'key') return undefined
        sequencer.keyQueries += 1
        sequencer.changed()
        return replyWith({
          kind: 'key',
          certificate: sequencer.certificate ?? certifyKey(undated(sequencer.key), net.network.id, net.signer)
        })
      }
    }
    await serve(cleanup, host, net, key, ...handlers)
    await host.serve(RECEIPTS_PROTOCOL, RECEIPT_STREAMS, async channel => {
      await channel.receive(deadline())
      sequencer.#channel = channel
      await channel.send(Notice.encode({ ready: {} }), deadline())
    })
    await host.start()
    cleanup.add(() => host.stop())
    host.subscribe(messages, (_from, data) => {
      const bundle = decodeBundle(data)
      sequencer.bundles.push(bundle)
      for (const envelope of bundle) sequencer.#messages.set(toHex(leafHash(envelope)), envelope)
      sequencer.changed()
      return 'accept'
    })
    return sequencer
  }

  get address(): string {
    return present(this.host.addresses()[0])
  }

  /** Publishes it as evidence, once somebody hears of that. */
  async accuse(evidence: Uint8Array): Promise<void> {
    const signal = deadline()
    const { evidence: topic } = topicsOf(this.net.network.id)
    while ((await this.host.publish(topic, evidence).catch(() => 0)) === 0) {
      signal.throwIfAborted()
      await setImmediate()
    }
  }

  /** The first message that arrives. */
  async firstMessage(): Promise<EnvelopeBytes> {
    await this.until('a bundle', () => this.bundles.length > 0)
    return present(this.bundles[0]?.[0])
  }

  /** The receipt that an honest sequencer might give for a message. */
  receiptFor(envelope: EnvelopeBytes): Receipt {
    const { author, sequence } = decodeMessage(decodeEnvelope(envelope).payload)
    return {
      network: this.net.network.id,
      author,
      time: 1_700_000_000_000,
      entries: [{ sequence, position: 0, leaf: leafHash(envelope) }]
    }
  }

  get messages(): readonly EnvelopeBytes[] {
    return [...this.#messages.values()]
  }

  get messageCount(): number {
    return this.#messages.size
  }

  /** Gives one honest receipt for messages of one author, though it has stored none. */
  async accept(envelopes: readonly EnvelopeBytes[]): Promise<void> {
    const receipts = envelopes.map(envelope => this.receiptFor(envelope))
    const entries = receipts.flatMap(receipt => receipt.entries)
    await this.tell({ receipt: signReceipt({ ...present(receipts[0]), entries }, this.net.signer) })
  }

  async refuseForKey(envelope: EnvelopeBytes): Promise<void> {
    await this.tell({ refused: { leaf: leafHash(envelope), reason: 'unknown key', detail: 'no more' } })
  }

  async tell({ receipt, refused }: Told): Promise<void> {
    const whole = refused && { refused: { author: NOBODY, sealedDetail: NOBODY, ...refused } }
    await this.tellBytes(Notice.encode({ ...(receipt && { receipt }), ...whole }))
  }

  async tellBytes(bytes: Uint8Array): Promise<void> {
    await present(this.#channel, 'a client').send(bytes, deadline())
  }

  /** A leaf that no message has. */
  static readonly noLeaf = sha256(utf8('no message'))
}
