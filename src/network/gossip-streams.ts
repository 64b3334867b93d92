import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, PeerId } from '@libp2p/interface'

/** Gossipsub has this, and leaves it out of its interface. */
interface WithOutboundStreams {
  /** Never throws. */
  createOutboundStream(peer: PeerId, connection: Connection): Promise<void>
}

function hasOutboundStreams(gossip: GossipSub): gossip is GossipSub & WithOutboundStreams {
  return 'createOutboundStream' in gossip && typeof gossip.createOutboundStream === 'function'
}

/**
 * Has gossipsub open its streams to many peers side by side, and to each of them one after the other. By itself it opens
 * all one after the other, so that a peer that leaves one stream unanswered keeps it from all others for seconds.
 */
export function openSideBySide(gossip: GossipSub): void {
  if (!hasOutboundStreams(gossip)) throw new Error('this gossipsub opens its streams in another way')
  const create = gossip.createOutboundStream.bind(gossip)
  /** Peers to whom a stream is being opened, with the connection that is to be tried next. */
  const opening = new Map<string, Connection | undefined>()
  const openAll = async (peer: PeerId, first: Connection): Promise<void> => {
    const name = peer.toString()
    for (let next: Connection | undefined = first; next !== undefined; next = opening.get(name)) {
      opening.set(name, undefined)
      await create(peer, next)
    }
    opening.delete(name)
  }
  gossip.createOutboundStream = async (peer, connection) => {
    const name = peer.toString()
    if (opening.has(name)) opening.set(name, connection)
    else void openAll(peer, connection)
  }
}
