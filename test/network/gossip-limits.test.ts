import assert from 'node:assert/strict'
import { ScorePenalty } from '@libp2p/gossipsub/metrics'
import {
  createPeerScoreParams,
  createPeerScoreThresholds,
  PeerScore,
  validatePeerScoreParams
} from '@libp2p/gossipsub/score'
import type { Logger } from '@libp2p/interface'
import { LIMITS } from '#src/core/limits.js'
import { scoreParams } from '#src/network/gossip-limits.js'

const TOPIC = 'messages'
const { gossipThreshold, graylistThreshold } = createPeerScoreThresholds()

const silent: Logger = Object.assign(() => undefined, {
  enabled: false,
  error: () => undefined,
  trace: () => undefined,
  newScope: () => silent
})

/** Gossipsub's own scoring with our parameters, and the score of a peer after `deeds`. */
function scoreAfter(deeds: (score: PeerScore, peer: string) => void): number {
  const params = createPeerScoreParams(scoreParams([TOPIC]))
  validatePeerScoreParams(params)
  const score = new PeerScore(params, null, { forComponent: () => silent }, { scoreCacheValidityMs: 0 })
  // As many neighbours on one host as there may be.
  for (let index = 0; index < LIMITS.connectionsPerHost; index += 1) {
    score.addPeer(`neighbour ${index}`)
    score.addIP(`neighbour ${index}`, '127.0.0.1')
  }
  score.addPeer('peer')
  score.addIP('peer', '127.0.0.1')
  deeds(score, 'peer')
  return score.score('peer')
}

function times(count: number, deed: () => void): void {
  for (let index = 0; index < count; index += 1) deed()
}

describe('the gossip score of a peer', () => {
  it('stays at zero for who publishes without subscribing, however many share its host', () => {
    const published = (score: PeerScore, peer: string): void =>
      times(5000, () => score.deliverMessage(peer, `${Math.random()}`, TOPIC))
    assert.equal(scoreAfter(published), 0)
  })

  it('stays at zero for who was in the mesh of a quiet topic and left it', () => {
    assert.equal(
      scoreAfter((score, peer) => {
        score.graft(peer, TOPIC)
        score.refreshScores()
        score.prune(peer, TOPIC)
      }),
      0
    )
  })

  it('falls below the graylist with as many messages that are not valid as disconnect it, and not long before', () => {
    const { burst } = LIMITS.invalidRate
    const invalid = (count: number): number =>
      scoreAfter((score, peer) => times(count, () => score.rejectInvalidMessage(peer, TOPIC)))
    assert.ok(invalid(burst + 1) < graylistThreshold)
    assert.ok(invalid(burst / 2) > graylistThreshold)
    assert.ok(invalid(burst / 2) < gossipThreshold)
    assert.ok(invalid(1) < 0, 'it is in no mesh any more')
  })

  it('is not made up for by valid messages', () => {
    const mixed = scoreAfter((score, peer) => {
      times(2000, () => score.deliverMessage(peer, `${Math.random()}`, TOPIC))
      times(LIMITS.invalidRate.burst + 1, () => score.rejectInvalidMessage(peer, TOPIC))
    })
    assert.ok(mixed < graylistThreshold)
  })

  it('forgives what a stall may cause, and falls below the graylist by a flood of grafts or of empty promises', () => {
    const misdeeds = (count: number): number =>
      scoreAfter((score, peer) => score.addPenalty(peer, count, ScorePenalty.GraftBackoff))
    assert.equal(misdeeds(10), 0)
    assert.ok(misdeeds(20) < graylistThreshold)
  })
})
