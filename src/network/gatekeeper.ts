import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { getNetConfig, isNetworkAddress } from '@libp2p/utils'

/**
 * Decides who may connect: so many at once from one host, and in a closed network only those who are named.
 * The other side sees its connection end; it is told nothing, as it is nobody here.
 */
export class Gatekeeper implements ConnectionGater {
  readonly #connectionsFrom = new Map<string, number>()

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

  denyInboundEncryptedConnection(peer: PeerId): boolean {
    return !this.admits(peer)
  }

  denyOutboundEncryptedConnection(peer: PeerId): boolean {
    return !this.admits(peer)
  }

  admits(peer: PeerId): boolean {
    return this.admitted?.has(peer.toString()) ?? true
  }

  #release(host: string): void {
    const left = (this.#connectionsFrom.get(host) ?? 1) - 1
    if (left > 0) this.#connectionsFrom.set(host, left)
    else this.#connectionsFrom.delete(host)
  }
}
