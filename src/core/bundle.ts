import type { EnvelopeBytes } from './bytes.js'
import { DecodeError, decodeCanonical } from './codec.js'
import { LIMITS } from './limits.js'
import { Bundle } from './wire/tallystick.js'

/** What is published on the messages topic. A resend carries a `salt`, or gossip would take it for the first one. */
export function encodeBundle(envelopes: readonly EnvelopeBytes[], salt?: Uint8Array): Uint8Array {
  return Bundle.encode({ envelopes: [...envelopes], salt: salt ?? new Uint8Array(0) })
}

/** Throws DecodeError. */
export function decodeBundle(bytes: Uint8Array): EnvelopeBytes[] {
  if (bytes.length > LIMITS.bundleBytes) throw new DecodeError(`bundle: ${bytes.length} bytes are too many`)
  const { envelopes } = decodeCanonical('bundle', Bundle, bytes)
  if (envelopes.length === 0) throw new DecodeError('bundle: empty')
  return envelopes as EnvelopeBytes[]
}

/** How many messages from the front make one bundle, of so many at most. At least one. */
export function bundleLength(
  messages: readonly { readonly envelope: EnvelopeBytes }[],
  most: number
): number {
  let bytes = 0
  const end = messages.slice(0, most).findIndex(({ envelope }) => {
    bytes += envelope.length + 8
    return bytes > LIMITS.bundleBytes - 64
  })
  return end === -1 ? Math.min(most, messages.length) : Math.max(1, end)
}
