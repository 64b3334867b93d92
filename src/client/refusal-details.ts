import { toHex } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import { LIMITS } from '../core/limits.js'
import { decodeMessage } from '../core/message.js'
import { openDetail } from '../core/sealed-detail.js'
import type { SealingContext } from '../core/sealing.js'
import type { Unreceipted } from './outbox-entries.js'

interface ToldDetail {
  readonly reason: string
  readonly detail: string
  readonly sealedDetail: Uint8Array
}

/**
 * Reads what a sequencer says of the client's own sealed bodies and followers pass on unread. The keys are those of the
 * contexts that this run of the client has sealed with; they are kept in memory alone.
 */
export class RefusalDetails {
  /** By the hex of their `enc`, the oldest first. */
  readonly #secrets = new Map<string, Uint8Array>()

  remember({ enc, refusalSecret }: SealingContext): void {
    this.#secrets.set(toHex(enc), refusalSecret)
    if (this.#secrets.size <= LIMITS.rememberedContexts) return
    const [oldest] = this.#secrets.keys()
    if (oldest !== undefined) this.#secrets.delete(oldest)
  }

  /** A sentence for people. */
  read({ leaf, envelope }: Unreceipted, { reason, detail, sealedDetail }: ToldDetail): string {
    if (sealedDetail.length === 0) return detail
    const { body } = decodeMessage(decodeEnvelope(envelope).payload)
    const secret = body.kind === 'sealed' ? this.#secrets.get(toHex(body.sealed.enc)) : undefined
    if (secret === undefined)
      return 'what is wrong with its body was sealed to an earlier run of this client, and cannot be read any more'
    return openDetail(secret, { leaf, reason }, sealedDetail) ?? `${detail}; what came of that does not open`
  }
}
