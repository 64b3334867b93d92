import { randomBytes } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { decodeBundle } from '#src/core/bundle.js'
import type { Hash } from '#src/core/bytes.js'
import { certifyKey } from '#src/core/encryption-key.js'
import { leafHash } from '#src/core/merkle.js'
import { decodeQuery, type Query } from '#src/core/query.js'
import { decodeSubmission } from '#src/core/submission.js'
import {
  ChatLine,
  Hello,
  Notice,
  QueryAnswer,
  QueryRequest,
  SubmissionAnswer,
  Addresses as WireAddresses
} from '#src/core/wire/tallystick.js'
import { Wakeup } from '#src/lifecycle/waiting.js'
import type { Channel } from '#src/network/channel.js'
import { Host, type StreamOptions } from '#src/network/host.js'
import {
  ADDRESSES_PROTOCOL,
  chatTopicOf,
  QUERY_PROTOCOL,
  RECEIPTS_PROTOCOL,
  SUBMIT_PROTOCOL,
  topicsOf
} from '#src/network/names.js'
import { RECEIPT_STREAMS, SUBMIT_STREAMS } from '#src/network/stream-options.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { undated } from './certificates.js'
import { deadline, present } from './changes.js'
import type { Cleanup } from './cleanup.js'
import type { TestNetwork } from './networks.js'

/** Clears the screen, sets its title, erases, colours, turns text round, hides it, and begins lines of its own. */
export const HOSTILE =
  'forged\u001b[2J\u001b]0;title\u0007\b\u007f\u009b31m\u0085\u202e\u2066\u2028\u2029\ufeff\u200b\u{e0041}\r\nSUCCESS: forged\t'

/** How a hostile peer answers queries: with a refusal, with "not found", or with strings wherever an answer has one. */
export type Manner = 'refuses' | 'finds nothing' | 'tells'

const ADDRESS_STREAMS: StreamOptions = {
  streams: 4,
  frameBytes: 4096,
  unreadBytes: 8192,
  unsentBytes: 8192
}

/** A peer that says `HOSTILE` in every string that the protocols have. */
export class HostilePeer {
  manner: Manner = 'refuses'
  /** What a client is told when it greets; undefined: that the peer is ready. */
  greeting: string | undefined
  /** Whether a whole submission is refused, or each message of it. */
  refusesSubmissions = true

  private constructor(
    private readonly host: Host,
    private readonly network: Hash,
    private readonly sequencer: TestNetwork | undefined,
    /** Names of the fields, `Message.field`, that it has said. */
    private readonly said: Set<string>
  ) {}

  static async start(
    cleanup: Cleanup,
    network: Hash,
    key: PrivateKey,
    said: Set<string>,
    sequencer?: TestNetwork
  ): Promise<HostilePeer> {
    const topics = topicsOf(network)
    // A client takes no list of more topics than its own.
    const heard = sequencer ? [topics.messages] : [...Object.values(topics), chatTopicOf(network)]
    const host = await Host.create({
      key,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topics: heard
    })
    const peer = new HostilePeer(host, network, sequencer, said)
    await peer.#serve(QUERY_PROTOCOL, QUERY_STREAMS, frame => peer.#answer(decodeQuery(frame).query))
    await peer.#serve(SUBMIT_PROTOCOL, SUBMIT_STREAMS, frame => peer.#refuse(frame))
    await peer.#serve(ADDRESSES_PROTOCOL, ADDRESS_STREAMS, () =>
      WireAddresses.encode({ network, addresses: [peer.#say('Addresses.addresses'), '/ip4/127.0.0.1/tcp/1'] })
    )
    await host.serve(RECEIPTS_PROTOCOL, RECEIPT_STREAMS, channel => peer.#greet(channel))
    await host.start()
    cleanup.add(() => host.stop())
    for (const topic of heard)
      host.subscribe(topic, (_from, data) => {
        if (topic === topics.messages) for (const receive of peer.#receivers) receive(data)
        return 'accept'
      })
    return peer
  }

  readonly #asked = new Wakeup()
  readonly #receivers = new Set<(data: Uint8Array) => void>()

  get address(): string {
    return present(this.host.addresses()[0])
  }

  /** Says a line to all in its room. */
  async chat(): Promise<void> {
    const text = this.#say('ChatLine.text').replaceAll('\u0000', '')
    await this.host.publish(chatTopicOf(this.network), ChatLine.encode({ id: randomBytes(16), text }))
  }

  /** Resolves when somebody asks for something next. */
  asked(): Promise<void> {
    return this.#asked.wait(deadline())
  }

  /** Asks another peer. */
  async ask(address: string): Promise<void> {
    const peer = await this.host.connect(address, deadline())
    const channel = await this.host.open(peer, QUERY_PROTOCOL, QUERY_STREAMS, deadline())
    const summary = this.#say('QueryRequest.summary')
    await channel.send(QueryRequest.encode({ network: this.network, summary }), deadline())
    await channel.receive(deadline())
    await channel.close(deadline())
  }

  #say(field: string): string {
    this.said.add(field)
    return HOSTILE
  }

  async #serve(
    protocol: string,
    options: StreamOptions,
    answer: (frame: Uint8Array) => Uint8Array
  ): Promise<void> {
    await this.host.serve(protocol, options, async channel => {
      const frame = present(await channel.receive(deadline()))
      await channel.send(answer(frame), deadline())
      await channel.close(deadline())
    })
  }

  #refused(message: string): { reason: string; detail: string } {
    return { reason: this.#say(`${message}.reason`), detail: this.#say(`${message}.detail`) }
  }

  #answer(query: Query): Uint8Array {
    this.#asked.wake()
    const { sequencer } = this
    if (query.kind === 'key' && sequencer)
      return QueryAnswer.encode({
        key: certifyKey(undated(sequencer.openingKey), this.network, sequencer.signer)
      })
    if (this.manner === 'tells') {
      if (query.kind === 'node') return this.#node()
      if (query.kind === 'offer') return QueryAnswer.encode({ notTaken: this.#refused('OfferRefused') })
      if (query.kind === 'account')
        return QueryAnswer.encode({ balance: { id: query.id, balance: this.#say('Balance.balance') } })
      if (query.kind === 'accounts')
        return QueryAnswer.encode({
          balances: { balances: [{ id: this.host.peerId, balance: this.#say('Balance.balance') }] }
        })
    }
    if (this.manner === 'refuses') return QueryAnswer.encode({ refused: this.#refused('QueryRefused') })
    return QueryAnswer.encode({ notFound: { detail: this.#say('NotFound.detail') } })
  }

  /** Each string of it in turn, as a reader ends at the first that is not what it must be. */
  #node(): Uint8Array {
    this.#turn += 1
    const isTurn = (index: number): boolean => this.#turn % 3 === index
    const { peerId } = this.host
    return QueryAnswer.encode({
      node: {
        peerId,
        role: isTurn(0) ? this.#say('NodeAnswer.role') : 'follower',
        addresses: isTurn(1) ? [this.#say('NodeAnswer.addresses')] : [],
        peers: isTurn(2) ? [{ peerId, address: this.#say('KnownPeer.address'), connected: true }] : [],
        mining: false,
        hashRate: 0,
        pool: 0
      }
    })
  }

  #turn = 0

  #refuse(frame: Uint8Array): Uint8Array {
    const refused = this.#refused('QueryRefused')
    if (this.refusesSubmissions) return SubmissionAnswer.encode({ refused })
    const { envelopes } = decodeSubmission(frame)
    return SubmissionAnswer.encode({ fates: { fates: envelopes.map(() => ({ refused })) } })
  }

  async #greet(channel: Channel): Promise<void> {
    Hello.decode(present(await channel.receive(deadline())))
    const none = new Uint8Array(0)
    if (this.greeting !== undefined) {
      const { detail } = this.#refused('MessageRefused')
      const refused = { leaf: none, reason: this.greeting, detail, author: none, sealedDetail: none }
      await channel.send(Notice.encode({ refused }), deadline())
      return channel.close(deadline())
    }
    const receive = (data: Uint8Array): void => {
      const notices = decodeBundle(data).map(envelope =>
        Notice.encode({
          refused: {
            leaf: leafHash(envelope),
            ...this.#refused('MessageRefused'),
            author: none,
            sealedDetail: none
          }
        })
      )
      channel.sendAll(notices, deadline()).catch(() => undefined)
    }
    this.#receivers.add(receive)
    channel.onClose(() => this.#receivers.delete(receive))
    await channel.send(Notice.encode({ ready: {} }), deadline())
    await channel.receive(new AbortController().signal)
  }
}
