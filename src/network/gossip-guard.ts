import type { GossipSub } from '@libp2p/gossipsub'
import type { RPC } from '@libp2p/gossipsub/message'
import type { PeerId } from '@libp2p/interface'
import type { PeerIdBytes } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import { bytesOf } from './peer-ids.js'

/**
 * Says whether a message is taken from this peer now. One that is not taken leaves no trace: it is judged anew
 * when another peer, or the same one later, sends it.
 */
export type TopicGate = (from: PeerIdBytes, data: Uint8Array) => boolean

/** Gossipsub has this, made to be replaced, and leaves it out of its interface. */
interface WithRpcHandler {
  handleReceivedRpc(from: PeerId, rpc: RPC): Promise<void>
}

function hasRpcHandler(gossip: GossipSub): gossip is GossipSub & WithRpcHandler {
  return 'handleReceivedRpc' in gossip && typeof gossip.handleReceivedRpc === 'function'
}

export interface GossipGuardOptions {
  readonly isConnected: (peer: PeerId) => boolean
  /** By topic; a topic without a gate takes messages from every peer. */
  readonly gates: ReadonlyMap<string, TopicGate>
}

/**
 * Looks at each RPC before gossipsub does. Gossipsub marks a message as seen before any validator runs, so that a
 * message that a validator ignores because of who sent it would not be taken from anybody else.
 */
export function guardGossip(gossip: GossipSub, { isConnected, gates }: GossipGuardOptions): void {
  if (!hasRpcHandler(gossip)) throw new Error('this gossipsub does not let its RPCs be looked at')
  const handle = gossip.handleReceivedRpc.bind(gossip)
  gossip.handleReceivedRpc = async (from, rpc) => {
    // What is still read from a connection that has ended would be kept for a peer of which no end is told any more.
    if (!isConnected(from)) return
    const isTaken = ({ topic, data }: RPC.Message): boolean =>
      gates.get(topic)?.(bytesOf(from), data ?? NOTHING) ?? true
    // Gossipsub remembers a peer for as long as the peer asks for, in seconds, also after it has gone.
    for (const prune of rpc.control?.prune ?? [])
      if (prune.backoff !== undefined && prune.backoff > LONGEST_BACKOFF) prune.backoff = LONGEST_BACKOFF
    await handle(from, { ...rpc, messages: rpc.messages.filter(isTaken) })
  }
}

const LONGEST_BACKOFF = LIMITS.gossipBackoffMs / 1000
const NOTHING = new Uint8Array(0)
