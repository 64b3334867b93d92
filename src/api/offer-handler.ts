import type { Answer } from '../core/answer.js'
import { LIMITS } from '../core/limits.js'
import type { HeadClaim, Query } from '../core/query.js'
import { Shares } from '../core/shares.js'
import { whileWorking } from '../lifecycle/working.js'
import type { ConsiderOffer } from '../replication/chain/offer.js'
import { type Asking, type Handler, type Reply, refused } from './handler.js'

/** Looks at chains that others offer. Anyone may: what is taken holds, whoever brings it. */
export class OfferHandler implements Handler {
  readonly #places = new Shares({ all: LIMITS.offers, ofPeer: LIMITS.offersOfPeer })

  constructor(private readonly consider: ConsiderOffer) {}

  reply(query: Query, asking: Asking, signal: AbortSignal): Reply | undefined {
    if (query.kind !== 'offer') return undefined
    return { answers: whileWorking(gone => this.#look(asking, query.claim, gone), signal), isSlow: true }
  }

  async #look({ peer, from }: Asking, claim: HeadClaim, signal: AbortSignal): Promise<Answer> {
    const taken = this.#places.take(from, 1)
    if (taken !== 'taken') return refused('busy', BUSY[taken])
    try {
      return await this.consider(peer, claim, signal)
    } finally {
      this.#places.release(from, 1)
    }
  }
}

const BUSY = {
  share: 'another chain that you offered is being looked at; offer this one later',
  full: 'other chains are being looked at, as many as your host may have looked at; offer it again later'
} as const
