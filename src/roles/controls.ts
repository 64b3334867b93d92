import type { SignedHeader } from '../core/block.js'
import type { Hash, PeerIdBytes } from '../core/bytes.js'
import type { Host } from '../network/host.js'
import type { AddressBook } from '../node/address-book.js'
import type { Mined } from '../node/equal-source.js'
import type { Service } from '../node/service.js'

/** A peer that whoever runs it can ask how it does, and tell what to do. Nobody on the network can. */
export interface ControlledPeer extends Service {
  readonly controls: Controls
}

export interface Controls {
  status(): PeerStatus
  /** Makes so many blocks now. Resolves when they stand in its own chain, or with what is there when `signal` fires. */
  mine(count: number, signal: AbortSignal): Promise<Mined>
  /** Has nothing to do with these from now on, and with nobody else whom it avoided before. */
  avoid(peers: readonly PeerIdBytes[]): void
  /** Keeps connected to these addresses from now on, and to no others. */
  connect(addresses: readonly string[]): void
}

export interface PeerStatus {
  /** The head of its chain; a client's is the one that it has verified. */
  readonly height: number
  readonly head: Hash
  /** Messages in the log up to the head. */
  readonly size: number
  /** Messages that wait: for a block, a client's for their receipts. */
  readonly pool: number
  /** Hashes a second; 0 where it does not mine. */
  readonly hashRate: number
  /** Those that are connected now, whoever dialled. */
  readonly peers: readonly PeerIdBytes[]
  /** How many addresses it keeps to. */
  readonly known: number
}

export interface ControlledParts {
  readonly role: string
  readonly host: Host
  readonly book: AddressBook
  readonly head: () => SignedHeader
  readonly pool: () => number
}

/** The controls of a peer that does not mine. */
export function controlsOf({ role, host, book, head, pool }: ControlledParts): Controls {
  return {
    status: () => {
      const { header, id } = head()
      return {
        height: header.height,
        head: id,
        size: header.size,
        pool: pool(),
        hashRate: 0,
        peers: host.peers(),
        known: book.all.length
      }
    },
    mine: async () => ({ ok: false, reason: `this peer does not mine: it is a ${role}` }),
    avoid: peers => {
      host.avoid(peers)
      // Those who are avoided no more are dialled without a wait.
      book.retry()
    },
    connect: addresses => book.replace(addresses)
  }
}
