import type { PeerId } from '@libp2p/interface'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import type { PeerIdBytes } from '../core/bytes.js'
import { encodePublicKey, expectNamesKey, verifierOf } from '../core/keys.js'

export function bytesOf(peer: PeerId): PeerIdBytes {
  return peer.toMultihash().bytes as PeerIdBytes
}

export function peerIdOf(bytes: PeerIdBytes): PeerId {
  return peerIdFromMultihash(decodeMultihash(bytes))
}

/**
 * Whether a key that may sign is behind it. libp2p's handshake also takes keys of small order, for which anyone can
 * sign, and RSA keys that anyone can factor.
 */
export function mayBeKnown(peer: PeerId): boolean {
  try {
    expectNamesKey(bytesOf(peer))
    // Of RSA the PeerId shows a hash alone.
    if (peer.type === 'RSA' && peer.publicKey !== undefined) verifierOf(encodePublicKey(peer.publicKey))
    return true
  } catch {
    return false
  }
}
