import type { LinkUser, ReceivedNotice } from '../client/sequencer-link.js'
import type { EnvelopeBytes, Hash, PeerIdBytes } from '../core/bytes.js'
import { asHash } from '../core/bytes.js'
import { describeError, type Report } from '../core/events.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { type Receipt, readReceipt } from '../core/receipt.js'
import { unlessAborted } from '../lifecycle/waiting.js'
import type { ReceiptServer } from './receipt-server.js'

export interface RelayOptions {
  readonly network: Hash
  readonly sequencer: PeerIdBytes
  readonly receipts: ReceiptServer
  /** The certificate of the sequencer's encryption key, as that peer has it, verified. */
  readonly certificateOf: (peer: PeerIdBytes) => Promise<EnvelopeBytes>
  /** A receipt as that peer has it, verified. Throws NotFound. */
  readonly receiptOf: (
    peer: PeerIdBytes,
    author: PeerIdBytes,
    sequence: bigint
  ) => Promise<{ readonly receipt: Receipt; readonly envelope: EnvelopeBytes }>
  /** A monotonic clock, ms. */
  readonly clock: () => number
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
  /** The peer that has the way to the sequencer. */
  #upstream: PeerIdBytes | undefined
  #certificate: EnvelopeBytes | undefined
  /** Before this time the certificate is believed to be the newest one. */
  #believedUntil = 0
  #looking: Promise<void> | undefined
  #isUp = false
  #isClosed = false
  /** One more than the highest position that a receipt has named. */
  #receipted = 0

  constructor(private readonly options: RelayOptions) {}

  /** The newest one that is known upstream. Undefined before the sequencer could be reached for the first time. */
  async certificate(): Promise<EnvelopeBytes | undefined> {
    const isDoubted = this.#looking !== undefined || this.options.clock() >= this.#believedUntil
    if (this.#isUp && isDoubted) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined
      })
      // A silent one must not keep others waiting for as long as it is waited for.
      await unlessAborted(this.#looking, AbortSignal.timeout(LIMITS.certificateMs)).catch(() => undefined)
    }
    return this.#certificate
  }

  /** The receipt of a message as it is known upstream; undefined where there is no way there now. Throws NotFound. */
  receipt(author: PeerIdBytes, sequence: bigint): Promise<EnvelopeBytes> | undefined {
    const { receiptOf, heard } = this.options
    if (!this.#isUp || this.#upstream === undefined) return undefined
    return receiptOf(this.#upstream, author, sequence).then(({ receipt, envelope }) => {
      // It may contradict a block, as one that passes by may.
      heard(receipt, envelope)
      return envelope
    })
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
    this.#upstream = peer
    this.#believedUntil = this.options.clock() + LIMITS.certificateMs
    return this.options.certificateOf(peer)
  }

  up(certificate: EnvelopeBytes): void {
    this.#certificate = certificate
    this.#isUp = !this.#isClosed
  }

  async #look(): Promise<void> {
    const { clock, certificateOf, report } = this.options
    if (this.#upstream === undefined) return
    // What is heard from now on is news for the next look.
    this.#believedUntil = clock() + LIMITS.certificateMs
    try {
      this.#certificate = await certificateOf(this.#upstream)
    } catch (error) {
      report({
        event: 'warning',
        message: `the sequencer's encryption key could not be asked for again: ${describeError(error)}`
      })
    }
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
        const { leaf, reason, detail, author, sealedDetail } = notice.refused
        // The sequencer may have a new key. Those who are told so will ask for it here.
        if (reason === 'unknown key') this.#believedUntil = 0
        if (leaf.length === 32)
          receipts.refused(author as PeerIdBytes, asHash(leaf), { reason, detail, sealedDetail })
      }
    } catch (error) {
      report({
        event: 'warning',
        message: `a notice that does not hold was not passed on: ${describeError(error)}`
      })
    }
  }
}
