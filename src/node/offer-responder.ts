import type { Answer } from '../core/answer.js'
import type { PeerIdBytes } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { HeadClaim, Query } from '../core/query.js'
import type { EqualSource } from './equal-source.js'
import { type Reply, type Responder, refused } from './responder.js'
import { whileWorking } from './working.js'

/** Looks at chains that others offer. Anyone may: what is taken holds, whoever brings it. */
export class OfferResponder implements Responder {
  #looking = 0

  constructor(private readonly consider: EqualSource['consider']) {}

  reply(query: Query, peer: PeerIdBytes, signal: AbortSignal): Reply | undefined {
    if (query.kind !== 'offer') return undefined
    return { answers: whileWorking(gone => this.#look(peer, query.claim, gone), signal), isSlow: true }
  }

  async #look(peer: PeerIdBytes, claim: HeadClaim, signal: AbortSignal): Promise<Answer> {
    if (this.#looking >= LIMITS.offers)
      return refused('busy', `${LIMITS.offers} other chains are being looked at; offer it again later`)
    this.#looking += 1
    try {
      return await this.consider(peer, claim, signal)
    } finally {
      this.#looking -= 1
    }
  }
}
