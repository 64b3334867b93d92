import type { PeerId } from '@libp2p/interface'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import type { PeerIdBytes } from '../core/bytes.js'

export function bytesOf(peer: PeerId): PeerIdBytes {
  return peer.toMultihash().bytes as PeerIdBytes
}

export function peerIdOf(bytes: PeerIdBytes): PeerId {
  return peerIdFromMultihash(decodeMultihash(bytes))
}
