import { applicationOf } from '../applications/index.js'
import type { Signer } from '../core/keys.js'
import type { NetworkDocument } from '../core/network-document.js'
import { sealedLength } from '../core/sealing.js'

/** Takes the bodies of messages, and hears of what may not be one. */
export interface Outgoing {
  /** Resolves when there is room for one more, or when `signal` fires. */
  room(signal: AbortSignal): Promise<void>
  submit(body: Uint8Array): void
  refusedBeforeSending(reason: string, detail: string): void
}

/** Network, key id, encapsulated key, sequence, time, payload type, and the tags and lengths of all fields. */
const FIXED_OVERHEAD = 150

/** Hands on what may be said in a network and fits a message of this author, once there is room for it. */
export function sending(
  document: NetworkDocument,
  bodies: 'sealed' | 'open',
  signer: Signer,
  outgoing: Outgoing
): (value: unknown, signal: AbortSignal) => Promise<void> {
  const application = applicationOf(document)
  const { messageBytes } = document.limits
  // Sequence and time take up to ten bytes each; field tags and lengths are counted at their longest.
  const overhead =
    signer.publicKey.length + signer.sign(new Uint8Array(0)).length + signer.peerId.length + FIXED_OVERHEAD
  return async (value, signal) => {
    const encoded = application.encodeBody(value)
    if ('refusal' in encoded)
      return outgoing.refusedBeforeSending(encoded.refusal.reason, encoded.refusal.detail)
    const { length } = encoded.body
    const bytes = overhead + (bodies === 'sealed' ? sealedLength(length) : length)
    if (bytes > messageBytes)
      return outgoing.refusedBeforeSending(
        'too large',
        `${bytes} bytes with its envelope; this network takes ${messageBytes}`
      )
    await outgoing.room(signal)
    if (!signal.aborted) outgoing.submit(encoded.body)
  }
}
