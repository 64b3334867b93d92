import type { PeerIdBytes } from './bytes.js'
import { DecodeError, decodeText } from './codec.js'
import { peerIdFromBytes } from './keys.js'
import { LIMITS } from './limits.js'
import type { NodeAnswer } from './wire/tallystick.js'

/** What a peer says of itself. Its word alone. */
export interface NodeInfo {
  readonly peerId: PeerIdBytes
  readonly role: string
  /** Where it listens. */
  readonly addresses: readonly string[]
  readonly peers: readonly KnownPeer[]
  readonly isMining: boolean
  /** Hashes a second. */
  readonly hashRate: number
  /** Messages that wait for a block. */
  readonly pool: number
}

export interface KnownPeer {
  readonly peerId: PeerIdBytes
  /** Undefined where only it knows. */
  readonly address: string | undefined
  readonly isConnected: boolean
}

export function encodeNode({ isMining: mining, peers, ...info }: NodeInfo): NodeAnswer {
  return {
    ...info,
    addresses: [...info.addresses],
    peers: peers.map(({ peerId, address = '', isConnected: connected }) => ({ peerId, address, connected })),
    mining
  }
}

/** What fits an answer. Peers that are connected go before those that are not. */
export function shortened(info: NodeInfo): NodeInfo {
  const connected = info.peers.filter(({ isConnected }) => isConnected)
  const others = info.peers.filter(({ isConnected }) => !isConnected)
  return {
    ...info,
    addresses: info.addresses.slice(0, LIMITS.nodeAddresses),
    peers: [...connected, ...others].slice(0, LIMITS.nodePeers),
    hashRate: Math.round(info.hashRate)
  }
}

/** What people are shown must be what it seems: no text of a stranger goes on to their terminals unread. Throws DecodeError. */
export function decodeNode(answer: NodeAnswer): NodeInfo {
  const { peerId, role, addresses, peers, mining: isMining, hashRate, pool } = answer
  if (!ROLE.test(role)) throw new DecodeError('node role: not a word of up to 20 small letters')
  return {
    peerId: decodePeerId(peerId),
    role,
    addresses: addresses.map(decodeAddress),
    peers: peers.map(({ peerId, address, connected: isConnected }) => ({
      peerId: decodePeerId(peerId),
      address: address === '' ? undefined : decodeAddress(address),
      isConnected
    })),
    isMining,
    hashRate,
    pool
  }
}

const ROLE = /^[a-z]{1,20}$/
/** Letters, digits and signs that a multiaddr has; what it means is for whoever dials it. */
const ADDRESS = /^\/[\x21-\x7e]+$/

function decodeAddress(text: string): string {
  if (!ADDRESS.test(decodeText('node address', text, LIMITS.addressCharacters)))
    throw new DecodeError('node address: not a multiaddr')
  return text
}

function decodePeerId(bytes: Uint8Array): PeerIdBytes {
  try {
    return peerIdFromBytes(bytes)
  } catch (error) {
    throw new DecodeError(`node peer: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
}
