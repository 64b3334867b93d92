import type { SignedHeader } from '../core/block.js'
import type { Hash, PeerIdBytes } from '../core/bytes.js'
import type { Service } from '../lifecycle/service.js'
import type { AddressBook } from '../network/address-book.js'
import type { Host } from '../network/host.js'
import type { Made } from '../orderings/producer.js'

/** What a peer has of its network, as it tells whoever runs it. */
export type Holdings = ChainHoldings | SetHoldings

export interface ChainHoldings {
  readonly kind: 'chain'
  /** The head of its chain; a client's is the one that it has verified. */
  readonly height: number
  readonly head: Hash
  /** Messages in the log up to the head. */
  readonly size: number
  /** Messages that wait: for a block, a client's for their receipts. */
  readonly pool: number
  /** Hashes a second; 0 where it does not mine. */
  readonly hashRate: number
}

/** Where nobody orders anything. */
export interface SetHoldings {
  readonly kind: 'set'
  readonly transfers: number
  readonly digest: Hash
}

/** A peer that whoever runs it can ask how it does, and tell what to do. Nobody on the network can. */
export interface ControlledPeer<Has extends Holdings = ChainHoldings> extends Service {
  readonly controls: Controls<Has>
}

export interface Controls<Has extends Holdings = ChainHoldings> {
  status(): PeerStatus<Has>
  /** Makes so many blocks now. Resolves when they stand in its own chain, or with what is there when `signal` fires. */
  mine(count: number, signal: AbortSignal): Promise<Made>
  /** Has nothing to do with these from now on, and with nobody else whom it avoided before. */
  avoid(peers: readonly PeerIdBytes[]): void
  /** Keeps connected to these addresses from now on, and to no others. */
  connect(addresses: readonly string[]): void
}

export type PeerStatus<Has extends Holdings = ChainHoldings> = Has & {
  /** Those that are connected now, whoever dialled. */
  readonly peers: readonly PeerIdBytes[]
  /** How many addresses it keeps to. */
  readonly known: number
}

export interface ControlledParts<Has extends Holdings> {
  readonly role: string
  readonly host: Host
  readonly book: AddressBook
  readonly holdings: () => Has
}

/** The controls of a peer that does not mine. */
export function controlsOf<Has extends Holdings>({
  role,
  host,
  book,
  holdings
}: ControlledParts<Has>): Controls<Has> {
  return {
    status: () => ({ ...holdings(), peers: host.peers(), known: book.all.length }),
    mine: async () => ({ ok: false, reason: `this peer does not mine: it is a ${role}` }),
    avoid: peers => {
      host.avoid(peers)
      // Those who are avoided no more are dialled without a wait.
      book.retry()
    },
    connect: addresses => book.replace(addresses)
  }
}

export function chainHoldings({ header, id }: SignedHeader, pool: number, hashRate = 0): ChainHoldings {
  return { kind: 'chain', height: header.height, head: id, size: header.size, pool, hashRate }
}
