import type { Libp2pEvents, PeerData, PeerId, PeerStore, TypedEventTarget } from '@libp2p/interface'

/** Those components of libp2p that keep something of other peers. */
export interface PeerStores {
  readonly peerId: PeerId
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly peerStore: PeerStore
  readonly addressManager: { addObservedAddr(address: unknown): void }
  readonly connectionManager: { getConnections(peer: PeerId): readonly unknown[] }
  readonly registrar: {
    getProtocols(): readonly string[]
    getTopologies(protocol: string): readonly { onDisconnect?(peer: PeerId): void | Promise<void> }[]
  }
}

/**
 * What libp2p remembers of other peers: while one is connected, which of our protocols it speaks; afterwards nothing.
 * By itself libp2p keeps for hours what any stranger said of itself: ten messages of addresses, names of protocols,
 * versions and signed records; it also remembers each address at which a stranger claims to see this peer. And it tells
 * gossip of the end of a connection only where the peer had said that it speaks gossip.
 */
export class PeerMemory {
  constructor(private readonly stores: PeerStores) {
    const { events, peerStore, addressManager, peerId } = stores
    const patch = peerStore.patch.bind(peerStore)
    const merge = peerStore.merge.bind(peerStore)
    peerStore.patch = (peer, data, options) =>
      patch(peer, peer.equals(peerId) ? data : this.#needed(data), options)
    peerStore.merge = (peer, data, options) => merge(peer, peer.equals(peerId) ? data : {}, options)
    addressManager.addObservedAddr = () => undefined
    events.addEventListener('peer:disconnect', ({ detail }) => this.forget(detail))
    // What a peer said of itself may be written after it has gone.
    events.addEventListener('peer:update', ({ detail }) => this.forget(detail.peer.id))
  }

  isConnected(peer: PeerId): boolean {
    return this.stores.connectionManager.getConnections(peer).length > 0
  }

  /** Does nothing to a peer that is connected. */
  forget(peer: PeerId): void {
    if (this.isConnected(peer)) return
    const { registrar, peerStore } = this.stores
    const topologies = new Set(registrar.getProtocols().flatMap(name => registrar.getTopologies(name)))
    for (const topology of topologies) void topology.onDisconnect?.(peer)
    // A failure leaves one small record more, until the peer comes and goes again.
    peerStore.delete(peer).catch(() => undefined)
  }

  #needed({ protocols, publicKey }: PeerData): PeerData {
    const ours = this.stores.registrar.getProtocols()
    return {
      ...(protocols && { protocols: protocols.filter(name => ours.includes(name)) }),
      // That of an RSA key does not follow from its PeerId.
      ...(publicKey && { publicKey })
    }
  }
}
