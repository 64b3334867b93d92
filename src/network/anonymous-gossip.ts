import type { GossipsubOpts } from '@libp2p/gossipsub'
import { toHex } from '../core/bytes.js'
import { sha256 } from '../core/hash.js'

/**
 * Gossip that shows as little as it can of who has said something. What a peer publishes leaves as what it passes
 * on: to its mesh, and to nobody else, with nothing sent before it.
 */
export const anonymousGossip: Partial<GossipsubOpts> = {
  floodPublish: false,
  // A mesh that is too small would be made up for by others, and a missing one by a fan-out: with what is published,
  // not with what is passed on. No score reaches this.
  scoreThresholds: { publishThreshold: Number.POSITIVE_INFINITY },
  // StrictNoSign, as it is here, lets a sender's name pass. What bears one is dropped, so that nobody can mark what
  // he hears and find it again elsewhere. Otherwise this is the message id.
  fastMsgIdFn: ({ from, data = NOTHING }) => {
    if (from !== undefined) throw new Error('a message with the name of a sender')
    return toHex(sha256(data))
  }
}

const NOTHING = new Uint8Array(0)
