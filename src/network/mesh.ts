import type { GossipSub } from '@libp2p/gossipsub'
import type { PeerId } from '@libp2p/interface'

/** Gossipsub has this, and leaves it out of its interface. */
interface WithMesh {
  getMeshPeers(topic: string): readonly string[]
}

function hasMesh(gossip: GossipSub): gossip is GossipSub & WithMesh {
  return 'getMeshPeers' in gossip && typeof gossip.getMeshPeers === 'function'
}

const NEWS = ['subscription-change', 'gossipsub:graft', 'gossipsub:heartbeat'] as const

/** Resolves when this peer has somebody in its mesh of the topic. Rejects when `signal` fires. */
export async function whenMeshed(gossip: GossipSub, topic: string, signal: AbortSignal): Promise<void> {
  if (!hasMesh(gossip)) throw new Error('this gossipsub does not tell who is in its mesh')
  await whenSo(gossip, () => gossip.getMeshPeers(topic).length > 0, signal)
}

/** Whether this peer has a gossip stream to send on. Gossipsub has these streams, and leaves them out of its interface. */
function sendsTo(gossip: GossipSub, peer: PeerId): boolean {
  if (!('streamsOutbound' in gossip) || !(gossip.streamsOutbound instanceof Map))
    throw new Error('this gossipsub does not tell to whom it sends')
  return gossip.streamsOutbound.has(peer.toString())
}

/**
 * Resolves when this peer knows that `peer` subscribes to the topic, and has a stream to send on: a message that is
 * published before that does not reach it. Rejects when `signal` fires.
 */
export async function whenSubscribed(
  gossip: GossipSub,
  topic: string,
  peer: PeerId,
  signal: AbortSignal
): Promise<void> {
  const isSo = (): boolean =>
    gossip.getSubscribers(topic).some(other => other.equals(peer)) && sendsTo(gossip, peer)
  await whenSo(gossip, isSo, signal)
}

async function whenSo(gossip: GossipSub, isSo: () => boolean, signal: AbortSignal): Promise<void> {
  if (isSo()) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const check = (): void => {
    if (isSo()) resolve()
  }
  const abort = (): void => reject(signal.reason)
  for (const event of NEWS) gossip.addEventListener(event, check)
  signal.addEventListener('abort', abort)
  try {
    signal.throwIfAborted()
    await promise
  } finally {
    for (const event of NEWS) gossip.removeEventListener(event, check)
    signal.removeEventListener('abort', abort)
  }
}
