import type { PeerIdBytes } from '../../core/bytes.js'
import { peerIdFromText, peerIdToString } from '../../core/keys.js'

/**
 * An account is named by the PeerId of its public key, which for Ed25519 and secp256k1 is the key itself. So the
 * author of a message and the producer of a block are accounts as they stand.
 */

/** `sequence` is that of the account's last transfer, 0 before the first. */
export interface Account {
  readonly id: PeerIdBytes
  readonly balance: bigint
  readonly sequence: bigint
}

/** The account that a PeerId in its usual text names, or why it names none. */
export function accountFromText(
  text: string
): { readonly ok: true; readonly id: PeerIdBytes } | { readonly ok: false; readonly problem: string } {
  try {
    const id = peerIdFromText(text)
    return peerIdToString(id) === text
      ? { ok: true, id }
      : { ok: false, problem: 'it is not in its usual text' }
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) }
  }
}
