import { createTopicScoreParams, type PeerScoreParams } from '@libp2p/gossipsub/score'
import { LIMITS } from '../core/limits.js'

/**
 * What gossipsub takes from a peer, and how it scores it. A score begins at 0 and only falls: by messages that
 * are not valid (the validators' `reject`), and by grafting again too soon or advertising what it does not
 * give. Nothing is earned for delivering, being in a mesh or sharing no address, so who publishes without
 * subscribing is as good as anybody, and nobody saves up for later. An honest peer never sends what is not
 * valid, and followers pass on only what they have verified. With the score below 0 a peer is in no mesh; at
 * -10 its IHAVE and IWANT are not heard, at -50 nothing is flooded to it, at -80 it is not heard at all
 * (gossipsub's own thresholds). By then `Host` has disconnected it.
 */
export function scoreParams(topics: readonly string[]): Partial<PeerScoreParams> {
  return {
    topics: Object.fromEntries(topics.map(topic => [topic, TOPIC])),
    // Many peers may share a host; gossipsub's default would silence the fifteenth.
    IPColocationFactorWeight: 0,
    // A stall breaks a promise, a restart grafts three topics too soon, at two points each. Beyond that it counts.
    behaviourPenaltyThreshold: 10,
    behaviourPenaltyWeight: -1,
    behaviourPenaltyDecay: 0.8,
    decayInterval: 1000,
    decayToZero: 0.1,
    retainScore: LIMITS.gossipScoreMs
  }
}

const GRAYLISTED = 80

/** The square of the messages that were not valid counts; the weight takes `invalidRate.burst` of them to the graylist. */
const TOPIC = createTopicScoreParams({
  topicWeight: 1,
  invalidMessageDeliveriesWeight: -GRAYLISTED / LIMITS.invalidRate.burst ** 2,
  invalidMessageDeliveriesDecay: 0.97,
  timeInMeshWeight: 0,
  firstMessageDeliveriesWeight: 0,
  meshMessageDeliveriesWeight: 0,
  meshFailurePenaltyWeight: 0
})

/** An RPC that holds more is not read. Without these limits a few bytes each make millions of objects. */
export const decodeRpcLimits = {
  maxMessages: LIMITS.gossipMessages,
  maxSubscriptions: LIMITS.gossipSubscriptions,
  maxControlMessages: LIMITS.gossipControls,
  maxIhaveMessageIDs: LIMITS.gossipIds,
  maxIwantMessageIDs: LIMITS.gossipIds,
  maxIdontwantMessageIDs: LIMITS.gossipIds,
  // Peers are not exchanged here.
  maxPeerInfos: 16
}
