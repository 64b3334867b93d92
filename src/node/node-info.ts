import { toHex } from '../core/bytes.js'
import { peerIdFromText } from '../core/keys.js'
import type { KnownPeer, NodeInfo } from '../core/node-info.js'
import type { AddressBook } from '../network/address-book.js'
import type { Host } from '../network/host.js'

interface NodeParts {
  readonly role: string
  readonly host: Host
  readonly book: AddressBook
  /** Messages that wait for a block. */
  readonly pool: () => number
}

/** What a peer says of itself that does not mine. */
export function nodeInfoOf({ role, host, book, pool }: NodeParts): NodeInfo {
  return {
    peerId: host.peerId,
    role,
    addresses: host.addresses(),
    peers: knownPeers(host, book),
    isMining: false,
    hashRate: 0,
    pool: pool()
  }
}

/** Those that a peer keeps to, where their addresses name them, and all others that are connected to it. */
function knownPeers(host: Host, book: AddressBook): KnownPeer[] {
  const connected = new Map(host.peers().map(peerId => [toHex(peerId), peerId]))
  const kept = book.all.flatMap(address => {
    const text = /\/p2p\/([^/]+)$/.exec(address)?.[1]
    if (text === undefined) return []
    const peerId = peerIdFromText(text)
    return [{ peerId, address, isConnected: connected.delete(toHex(peerId)) }]
  })
  const others = [...connected.values()].map(peerId => ({ peerId, address: undefined, isConnected: true }))
  return [...kept, ...others]
}
