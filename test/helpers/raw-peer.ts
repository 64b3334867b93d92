import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { encodeBundle } from '#src/core/bundle.js'
import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { peerIdFromText, VerifierCache } from '#src/core/keys.js'
import { type ReceiptEntry, readReceipt } from '#src/core/receipt.js'
import { Hello, Notice } from '#src/core/wire/tallystick.js'
import type { Channel } from '#src/network/channel.js'
import { Host } from '#src/network/host.js'
import { QUERY_PROTOCOL, RECEIPTS_PROTOCOL, topicsOf } from '#src/network/names.js'
import { RECEIPT_STREAMS } from '#src/network/stream-options.js'
import { AccountQueries } from '#src/query/account-queries.js'
import { QUERY_STREAMS } from '#src/query/query-protocol.js'
import { SequencerQueries } from '#src/query/sequencer-queries.js'
import { Changes, deadline, present } from './changes.js'
import type { Cleanup } from './cleanup.js'
import { identity, type TestNetwork } from './networks.js'

export interface SeenRefusal {
  /** Hex. */
  readonly leaf: string
  readonly reason: string
  readonly detail: string
  /** Whom it is to be passed on to; empty for what is meant for this peer. */
  readonly author: Uint8Array
  readonly sealedDetail: Uint8Array
}

export interface SeenReceipt extends ReceiptEntry {
  readonly author: PeerIdBytes
  /** The signed receipt as it came. */
  readonly bytes: Uint8Array
}

/**
 * A peer that keeps to no rules: it publishes whatever bytes it is given, and hears on its receipts stream
 * what the sequencer says to them.
 */
export class RawPeer extends Changes {
  /** In the order in which they came. */
  readonly receipts: SeenReceipt[] = []
  readonly refusals: SeenRefusal[] = []
  /** Frames that came after the first one, as they came. */
  readonly frames: Uint8Array[] = []
  /** Blocks from the blocks topic, as they came. */
  readonly blocks: Uint8Array[] = []
  readonly asker: AccountQueries
  readonly sequencerAsker: SequencerQueries
  #receiptsStream = 'is open'

  private constructor(
    readonly net: TestNetwork,
    readonly host: Host,
    /** Whom it is connected to. */
    readonly peer: PeerIdBytes
  ) {
    super()
    this.asker = new AccountQueries(host, peer, net.rules, () => Date.now())
    this.sequencerAsker = new SequencerQueries(host, peer, net.network)
  }

  static async connect(
    cleanup: Cleanup,
    net: TestNetwork,
    address: string,
    who: string | PrivateKey = 'raw peer',
    isRelay = false
  ): Promise<RawPeer> {
    const key = typeof who === 'string' ? await identity(who) : who
    const topics = topicsOf(net.network.id)
    const host = await Host.create({ key, listen: [], topics: Object.values(topics) })
    const other = peerIdFromText(present(address.split('/p2p/')[1], 'the PeerId in the address'))
    const peer = new RawPeer(net, host, other)
    await host.start()
    cleanup.add(() => host.stop())
    host.subscribe(topics.blocks, (_from, data) => {
      peer.blocks.push(data)
      peer.changed()
      return 'accept'
    })
    await host.connect(address, deadline())
    await host.whenSubscribed(topics.messages, other, deadline())
    const channel = await host.open(other, RECEIPTS_PROTOCOL, RECEIPT_STREAMS, deadline())
    await channel.send(Hello.encode({ network: net.network.id, relay: isRelay }), deadline())
    const first = Notice.decode(present(await channel.receive(deadline()), 'the answer to the hello'))
    assert.ok(first.ready, 'the sequencer is ready')
    peer.#listen(channel).then(
      () => peer.#ended('ended'),
      error => peer.#ended(`failed: ${error}`)
    )
    return peer
  }

  get peerId(): PeerIdBytes {
    return this.host.peerId
  }

  /** Whether its receipts stream is over. */
  get hasEnded(): boolean {
    return this.#receiptsStream !== 'is open'
  }

  /** As a bundle that gossip has not seen before. */
  async publish(...envelopes: readonly EnvelopeBytes[]): Promise<void> {
    await this.publishBytes(encodeBundle(envelopes, randomBytes(8)))
  }

  async publishBytes(data: Uint8Array): Promise<void> {
    const recipients = await this.host.publish(topicsOf(this.net.network.id).messages, data)
    assert.ok(recipients >= 1, 'somebody hears the messages topic')
  }

  /** The refusal of a message, once it has come. */
  async refusalOf(leaf: Hash): Promise<SeenRefusal> {
    const name = toHex(leaf)
    const find = (): SeenRefusal | undefined => this.refusals.find(refusal => refusal.leaf === name)
    await this.until(`a refusal of ${name}`, () => find() !== undefined)
    return present(find())
  }

  /** The receipt of a message, once it has come. */
  async receiptOf(leaf: Hash): Promise<SeenReceipt> {
    const find = (): SeenReceipt | undefined => this.receipts.find(receipt => equal(receipt.leaf, leaf))
    await this.until(`a receipt of ${toHex(leaf)}`, () => find() !== undefined)
    return present(find())
  }

  async receipted(count: number): Promise<void> {
    await this.until(`${count} receipts`, () => this.receipts.length >= count)
  }

  /** Opens a query stream and sends one frame; the answers' frames until the end of the stream. */
  async rawQuery(frame: Uint8Array): Promise<Uint8Array[]> {
    const channel = await this.openQuery()
    await channel.send(frame, deadline())
    const answers: Uint8Array[] = []
    for (;;) {
      const answer = await channel.receive(deadline())
      if (answer === undefined) break
      answers.push(answer)
    }
    await channel.close(deadline())
    return answers
  }

  openQuery(): Promise<Channel> {
    return this.host.open(this.peer, QUERY_PROTOCOL, QUERY_STREAMS, deadline())
  }

  async #listen(channel: Channel): Promise<void> {
    const { network, sequencer } = this.net
    const verifiers = new VerifierCache()
    const forever = new AbortController().signal
    for (;;) {
      const frame = await channel.receive(forever)
      if (frame === undefined) return
      this.frames.push(frame)
      const { receipt: bytes, refused } = Notice.decode(frame)
      if (bytes) {
        const { author, entries } = readReceipt(bytes, network.id, sequencer, verifiers)
        this.receipts.push(...entries.map(entry => ({ ...entry, author, bytes })))
      }
      if (refused) this.refusals.push({ ...refused, leaf: toHex(refused.leaf) })
      this.changed()
    }
  }

  #ended(how: string): void {
    this.#receiptsStream = how
    this.changed()
  }

  protected override describe(): string {
    return [
      `the receipts stream ${this.#receiptsStream}`,
      `${this.receipts.length} receipts, ${this.blocks.length} blocks`,
      ...this.refusals.slice(-5).map(({ reason, detail }) => `${reason}: ${detail}`)
    ].join('\n')
  }
}
