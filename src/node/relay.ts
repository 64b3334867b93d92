import type { EnvelopeBytes, Hash, PeerIdBytes } from '../core/bytes.js'
import { asHash } from '../core/bytes.js'
import { VerifierCache } from '../core/keys.js'
import { type Receipt, readReceipt } from '../core/receipt.js'
import { describeError, type Report } from './events.js'
import type { ReceiptServer } from './receipt-server.js'
import type { LinkUser, ReceivedNotice } from './sequencer-link.js'

export interface RelayOptions {
  readonly network: Hash
  readonly sequencer: PeerIdBytes
  readonly receipts: ReceiptServer
  /** The certificate of the sequencer's encryption key, as that peer has it, verified. */
  readonly certificateOf: (peer: PeerIdBytes) => Promise<EnvelopeBytes>
  /** Hears of each receipt that the sequencer signed. */
  readonly heard: (receipt: Receipt, envelope: EnvelopeBytes) => void
  readonly report: Report
}

/**
 * Passes what the sequencer says of messages on to their authors and to other followers. Each follower
 * listens to one peer that has a way to the sequencer, and serves nobody while it has none: so notices
 * spread as a tree, and none goes in a circle.
 */
export class Relay implements LinkUser<EnvelopeBytes> {
  readonly #verifiers = new VerifierCache()
  #certificate: EnvelopeBytes | undefined
  #isUp = false
  #isClosed = false
  /** One more than the highest position that a receipt has named. */
  #receipted = 0

  constructor(private readonly options: RelayOptions) {}

  /** Undefined before the sequencer could be reached for the first time. */
  get certificate(): EnvelopeBytes | undefined {
    return this.#certificate
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** How many messages have their position, as far as is known here. */
  get receipted(): number {
    return this.#receipted
  }

  /** Passes nothing on any more: the sequencer is not to be believed. */
  close(): void {
    this.#isClosed = true
    this.down()
  }

  prepare(peer: PeerIdBytes): Promise<EnvelopeBytes> {
    return this.options.certificateOf(peer)
  }

  up(certificate: EnvelopeBytes): void {
    this.#certificate = certificate
    this.#isUp = !this.#isClosed
  }

  down(): void {
    this.#isUp = false
    this.options.receipts.dismiss('the way to the sequencer is broken; try another peer')
  }

  notice(notice: ReceivedNotice): void {
    const { network, sequencer, receipts, report, heard } = this.options
    if (this.#isClosed) return
    try {
      if (notice.receipt !== undefined) {
        const envelope = notice.receipt as EnvelopeBytes
        const receipt = readReceipt(envelope, network, sequencer, this.#verifiers)
        for (const { position } of receipt.entries) this.#receipted = Math.max(this.#receipted, position + 1)
        heard(receipt, envelope)
        receipts.accepted(receipt.author, envelope)
      } else if (notice.refused !== undefined) {
        const { leaf, reason, detail, author } = notice.refused
        if (leaf.length === 32) receipts.refused(author as PeerIdBytes, asHash(leaf), { reason, detail })
      }
    } catch (error) {
      report({
        event: 'warning',
        message: `a notice that does not hold was not passed on: ${describeError(error)}`
      })
    }
  }
}
