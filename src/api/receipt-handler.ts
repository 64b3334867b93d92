import { type Database, placeOf, receiptOf } from '../chain/store.js'
import type { Answer } from '../core/answer.js'
import type { EnvelopeBytes, PeerIdBytes } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Query } from '../core/query.js'
import { RateLimiter } from '../core/rate-limiter.js'
import { type Bringer, Shares } from '../core/shares.js'
import { unlessAborted } from '../lifecycle/waiting.js'
import { NotFound } from '../query/query-errors.js'
import { type Asking, type Handler, notFound, type Reply, refused, replyWith } from './handler.js'

/** Answers with the receipts that a sequencer keeps. */
export class ReceiptHandler implements Handler {
  constructor(private readonly database: Database) {}

  reply(query: Query): Reply | undefined {
    if (query.kind !== 'receipt') return undefined
    const place = placeOf(this.database, query.author, query.sequence)
    const receipt = place && receiptOf(this.database, place)
    return replyWith(
      receipt ? { kind: 'receipt', receipt } : notFound(`no receipt for sequence ${query.sequence}`)
    )
  }
}

export interface ReceiptForwarderOptions {
  /** From the peer that has the way to the sequencer, verified; undefined where there is no such peer now. Throws NotFound. */
  readonly ask: (author: PeerIdBytes, sequence: bigint) => Promise<EnvelopeBytes> | undefined
  /** A monotonic clock, ms. */
  readonly clock: () => number
}

/**
 * Answers for a follower, which keeps no receipts: each is asked for on the way to the sequencer. That peer gives a
 * follower so much and no more, and the follower needs it for its blocks: hence the rate.
 */
export class ReceiptForwarder implements Handler {
  readonly #places = new Shares({ all: LIMITS.forwardedReceipts, ofPeer: LIMITS.forwardedReceiptsOfPeer })
  readonly #rate = new RateLimiter(LIMITS.forwardedReceiptRate, 1)

  constructor(private readonly options: ReceiptForwarderOptions) {}

  reply(query: Query, { from }: Asking): Reply | undefined {
    if (query.kind !== 'receipt') return undefined
    return replyWith(this.#receipt(query.author, query.sequence, from))
  }

  async #receipt(author: PeerIdBytes, sequence: bigint, from: Bringer): Promise<Answer> {
    const { ask, clock } = this.options
    if (this.#places.take(from, 1) !== 'taken') return BUSY
    if (!this.#rate.take(ALL, clock())) {
      this.#places.release(from, 1)
      return BUSY
    }
    const asked = ask(author, sequence)
    if (asked === undefined) {
      this.#places.release(from, 1)
      return NO_WAY
    }
    // A silent peer has its place for as long as it is waited for, and the asking peer is told before.
    const ended = asked.finally(() => this.#places.release(from, 1))
    try {
      return {
        kind: 'receipt',
        receipt: await unlessAborted(ended, AbortSignal.timeout(LIMITS.forwardedReceiptMs))
      }
    } catch (error) {
      return error instanceof NotFound ? notFound(error.message) : NO_WAY
    }
  }
}

/** All have one rate: what they ask for is asked of one peer. */
const ALL = 'all'

const BUSY = refused('busy', 'too many receipts are being asked for; ask again later, or ask another peer')

const NO_WAY = refused(
  'busy',
  'this follower has no way to the sequencer now, which keeps the receipts; ask again later, or ask another peer'
)
