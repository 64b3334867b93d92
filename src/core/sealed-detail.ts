import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concat, type Hash, utf8 } from './bytes.js'
import { utf8Text } from './json.js'
import { TAG_LENGTH } from './message.js'
import { pad, unpad } from './padding.js'

/**
 * What a sequencer says of a sealed body that it refuses, as followers pass it on: sealed with the key that the message's
 * own key agreement gives for this, so that the author alone can read it.
 */

const CIPHER = 'aes-256-gcm'
const NONCE_LENGTH = 12
/** Nearly all details are as long as one step: their lengths say something of the body, too. */
const DETAIL_STEP = 512

/** `nonce`: 12 bytes that are random. */
export function sealDetail(
  secret: Uint8Array,
  { leaf, reason, detail }: { readonly leaf: Hash; readonly reason: string; readonly detail: string },
  nonce: Uint8Array
): Uint8Array {
  const cipher = createCipheriv(CIPHER, secret, nonce)
  cipher.setAAD(concat(leaf, utf8(reason)))
  const ciphertext = cipher.update(pad(utf8(detail), DETAIL_STEP))
  cipher.final()
  return concat(nonce, ciphertext, cipher.getAuthTag())
}

/** Undefined where it was not sealed with this secret, for this message and this reason. */
export function openDetail(
  secret: Uint8Array,
  { leaf, reason }: { readonly leaf: Hash; readonly reason: string },
  sealed: Uint8Array
): string | undefined {
  if (sealed.length < NONCE_LENGTH + TAG_LENGTH) return undefined
  const decipher = createDecipheriv(CIPHER, secret, sealed.subarray(0, NONCE_LENGTH))
  decipher.setAAD(concat(leaf, utf8(reason)))
  decipher.setAuthTag(sealed.subarray(-TAG_LENGTH))
  const padded = decipher.update(sealed.subarray(NONCE_LENGTH, -TAG_LENGTH))
  try {
    decipher.final()
  } catch {
    // It throws where the tag is wrong, and for nothing else.
    return undefined
  }
  const detail = unpad(padded, DETAIL_STEP)
  return detail && utf8Text(detail)
}
