import type { ConnectionGater as Libp2pConnectionGater, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { LIMITS } from '../core/limits.js'
import { RateLimiter } from '../core/rate-limiter.js'
import { Shares } from '../core/shares.js'
import { bringerFrom, type Origin, originOf } from './connection-origin.js'
import { mayBeKnown } from './peer-ids.js'

/** Of a connection before it is encrypted, what is looked at. */
export interface Arrival {
  readonly status: string
  readonly remoteAddr: Multiaddr
  addEventListener(type: 'close', listener: () => void, options: { readonly once: true }): void
}

/**
 * Decides which peers may connect: so many at once from one host and one site as leave some for others, fewer of these
 * that are still shaking hands, so many a second from one host and from all, in a closed network only those that are
 * named, and none that is avoided, or whose key anyone can sign for. The other side sees its connection end, and is told
 * nothing.
 */
export class ConnectionGater implements Libp2pConnectionGater {
  readonly #open: Shares
  /** Of these, those that are still shaking hands. */
  readonly #pendingOfSite = new Map<string, number>()
  readonly #whenUpgraded = new WeakMap<object, () => void>()
  /** libp2p counts each address of an IPv6 host as another host. */
  readonly #arrivals = new RateLimiter(LIMITS.connectionRate, LIMITS.rememberedRates)
  readonly #allArrivals = new RateLimiter(LIMITS.allConnectionsRate, 1)
  /** Of each site, beyond that. */
  readonly #fewArrivals = new RateLimiter(LIMITS.fewConnectionsRate, LIMITS.rememberedRates)
  #avoided: ReadonlySet<string> = new Set()

  constructor(
    connectionsPerHost: number,
    /** PeerIds; anyone where it is undefined. */
    private readonly admitted: ReadonlySet<string> | undefined
  ) {
    this.#open = new Shares({ all: LIMITS.connections, ofPeer: connectionsPerHost })
  }

  denyInboundConnection(connection: Arrival): boolean {
    if (connection.status !== 'open') return true
    const origin = originOf(connection.remoteAddr)
    if (origin === undefined) return false
    const { host, site } = origin
    // The PeerId is not known yet.
    const bringer = bringerFrom(host, origin)
    if ((this.#pendingOfSite.get(site) ?? 0) >= LIMITS.pendingConnectionsPerSite) return true
    if (this.#open.take(bringer, 1) !== 'taken') return true
    if (!this.#isInRate(origin)) {
      this.#open.release(bringer, 1)
      return true
    }
    // Counted from here to its end, whether the handshake succeeds or not.
    count(this.#pendingOfSite, site, 1)
    let isPending = true
    const settle = (): void => {
      if (isPending) count(this.#pendingOfSite, site, -1)
      isPending = false
    }
    const release = (): void => {
      settle()
      this.#open.release(bringer, 1)
    }
    this.#whenUpgraded.set(connection, settle)
    connection.addEventListener('close', release, { once: true })
    return false
  }

  /** Lets none of these in from now on, and those before them again. */
  avoid(peers: ReadonlySet<string>): void {
    this.#avoided = peers
  }

  /** Asked before anything is sent, where the address names the peer. */
  denyDialPeer(peer: PeerId): boolean {
    return this.#avoided.has(peer.toString()) || !mayBeKnown(peer)
  }

  denyInboundEncryptedConnection(peer: PeerId): boolean {
    return !this.#admits(peer)
  }

  denyOutboundEncryptedConnection(peer: PeerId): boolean {
    return !this.#admits(peer)
  }

  /** Asked once more at the end: somebody may be avoided since the handshake began. */
  denyInboundUpgradedConnection(peer: PeerId, connection: object): boolean {
    this.#whenUpgraded.get(connection)?.()
    return !this.#admits(peer)
  }

  denyOutboundUpgradedConnection(peer: PeerId): boolean {
    return !this.#admits(peer)
  }

  #isInRate({ host, site }: Origin): boolean {
    const now = performance.now()
    return (
      this.#arrivals.take(host, now) && (this.#allArrivals.take('', now) || this.#fewArrivals.take(site, now))
    )
  }

  #admits(peer: PeerId): boolean {
    const name = peer.toString()
    return !this.#avoided.has(name) && (this.admitted?.has(name) ?? true) && mayBeKnown(peer)
  }
}

function count(counts: Map<string, number>, name: string, change: 1 | -1): void {
  const left = (counts.get(name) ?? 0) + change
  if (left > 0) counts.set(name, left)
  else counts.delete(name)
}
