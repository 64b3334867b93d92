import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { getNetConfig, isNetworkAddress } from '@libp2p/utils'
import { mayBeKnown } from './peer-ids.js'

/**
 * Decides who may connect: so many at once from one host, in a closed network only those who are named, and nobody
 * who is avoided, or whose key anyone can sign for. The other side sees its connection end; it is told nothing, as it is nobody here.
 */
export class Gatekeeper implements ConnectionGater {
  readonly #connectionsFrom = new Map<string, number>()
  #avoided: ReadonlySet<string> = new Set()

  constructor(
    private readonly connectionsPerHost: number,
    /** PeerIds; anyone where it is undefined. */
    private readonly admitted: ReadonlySet<string> | undefined
  ) {}

  denyInboundConnection(connection: MultiaddrConnection): boolean {
    if (connection.status !== 'open') return true
    if (!isNetworkAddress(connection.remoteAddr)) return false
    const { host } = getNetConfig(connection.remoteAddr)
    const open = this.#connectionsFrom.get(host) ?? 0
    if (open >= this.connectionsPerHost) return true
    // Counted from here to its end, whether the handshake succeeds or not.
    this.#connectionsFrom.set(host, open + 1)
    connection.addEventListener('close', () => this.#release(host), { once: true })
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
  denyInboundUpgradedConnection(peer: PeerId): boolean {
    return !this.#admits(peer)
  }

  denyOutboundUpgradedConnection(peer: PeerId): boolean {
    return !this.#admits(peer)
  }

  #admits(peer: PeerId): boolean {
    const name = peer.toString()
    return !this.#avoided.has(name) && (this.admitted?.has(name) ?? true) && mayBeKnown(peer)
  }

  #release(host: string): void {
    const left = (this.#connectionsFrom.get(host) ?? 1) - 1
    if (left > 0) this.#connectionsFrom.set(host, left)
    else this.#connectionsFrom.delete(host)
  }
}
