import { setMaxListeners } from 'node:events'
import { pipe } from 'it-pipe'
import { type Handler, type Reply, refused, replyWith } from '../api/handler.js'
import { type Answer, encodeAnswer } from '../core/answer.js'
import { equal, type Hash, type PeerIdBytes, toHex } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import { LIMITS } from '../core/limits.js'
import { decodeQuery, type Query } from '../core/query.js'
import { type Rate, RateLimiter } from '../core/rate-limiter.js'
import { type Bringer, Shares } from '../core/shares.js'
import { FairQueue } from '../lifecycle/fair-queue.js'
import { OpenWork } from '../lifecycle/open-work.js'
import type { Service } from '../lifecycle/service.js'
import { within } from '../lifecycle/waiting.js'
import type { Channel } from '../network/channel.js'
import type { Host } from '../network/host.js'
import { QUERY_PROTOCOL } from '../network/names.js'
import { QUERY_STREAMS, timeFor } from '../query/query-protocol.js'

export interface QueryServerOptions {
  readonly network: Hash
  /** The first one that knows queries of a kind answers them. */
  readonly handlers: readonly Handler[]
  /** A monotonic clock, ms. */
  readonly clock: () => number
  /** In place of the one in LIMITS. */
  readonly rate?: Rate | undefined
}

/**
 * Answers /tallystick/query/1: one query a stream, then the answers, then the end. An answer is made piece by piece,
 * the pieces of all hosts and peers in turn, and each peer pays for what it is given by its size.
 */
export class QueryServer implements Service {
  readonly #open = new OpenWork()
  readonly #stopping = new AbortController()
  /** Queries that are being answered. */
  readonly #places = new Shares({ all: LIMITS.queries, ofPeer: LIMITS.queriesOfPeer })
  readonly #rates: RateLimiter
  /** No query has more than one piece that waits. */
  readonly #turns = new FairQueue({ own: 0, others: LIMITS.queries })

  constructor(
    private readonly host: Host,
    private readonly options: QueryServerOptions
  ) {
    this.#rates = new RateLimiter(options.rate ?? LIMITS.queryRate, LIMITS.rememberedRates)
  }

  async start(): Promise<void> {
    // One for each query that is being answered.
    setMaxListeners(0, this.#stopping.signal)
    const request = { ...QUERY_STREAMS, frameBytes: LIMITS.queryBytes, unreadBytes: 2 * LIMITS.queryBytes }
    await this.host.serve(QUERY_PROTOCOL, request, (channel, peer, from) =>
      this.#open.during(this.#serve(channel, peer, from))
    )
  }

  async stop(): Promise<void> {
    await this.host.unserve(QUERY_PROTOCOL)
    this.#stopping.abort(new Error('the peer is stopping'))
    await this.#turns.stop()
    await this.#open.ended()
  }

  async #serve(channel: Channel, peer: PeerIdBytes, from: Bringer): Promise<void> {
    const frame = await channel.receive(AbortSignal.timeout(LIMITS.frameMs))
    if (frame === undefined) return channel.close(AbortSignal.timeout(LIMITS.frameMs))
    // Counted only now: a stream on which nothing is asked keeps nobody out.
    if (this.#places.take(from, 1) !== 'taken')
      return this.#send(channel, replyWith(BUSY), from, LIMITS.queryMs)
    try {
      const mayAsk = this.#rates.take(from.peer, this.options.clock())
      await (mayAsk
        ? this.#answer(channel, frame, peer, from)
        : this.#send(channel, replyWith(RATE_LIMITED), from, LIMITS.queryMs))
    } finally {
      this.#places.release(from, 1)
    }
  }

  async #answer(channel: Channel, frame: Uint8Array, peer: PeerIdBytes, from: Bringer): Promise<void> {
    const query = this.#read(frame)
    if (query.kind === 'refused') return this.#send(channel, replyWith(query), from, LIMITS.queryMs)
    const gone = new AbortController()
    channel.onClose(() => gone.abort(new Error('the stream has ended')))
    // A listener of its own that goes again: AbortSignal.any would leave one for each query on a signal that stays.
    const stopping = this.#stopping.signal
    const stop = (): void => gone.abort(stopping.reason)
    stopping.addEventListener('abort', stop)
    try {
      for (const handler of this.options.handlers) {
        const reply = handler.reply(query, { peer, from }, gone.signal)
        if (reply !== undefined) return await this.#send(channel, reply, from, timeFor(query))
      }
      await this.#send(channel, replyWith(NOT_SERVED), from, LIMITS.queryMs)
    } finally {
      stopping.removeEventListener('abort', stop)
    }
  }

  /** Piece by piece, as the reader takes them, then the end of the stream. */
  async #send(channel: Channel, reply: Reply, from: Bringer, ms: number): Promise<void> {
    const whole = AbortSignal.timeout(ms)
    const deadline = (): AbortSignal => within(LIMITS.frameMs, whole)
    await pipe(this.#pieces(reply, from), async source => {
      for await (const frames of source) await channel.sendAll(frames, deadline())
    })
    await channel.close(deadline())
    const { afterwards } = reply
    if (afterwards === undefined) return
    // Who asked ends his side once he has the answers: what is still on its way would be lost with the connection.
    await channel.receive(deadline()).catch(() => undefined)
    afterwards()
  }

  /** Many small answers make a piece, as each send has a cost of its own; a slow one is sent at once. */
  async *#pieces({ answers, isSlow }: Reply, from: Bringer): AsyncIterable<readonly Uint8Array[]> {
    await this.#turn(from)
    const charge = this.#tab(from)
    let piece: Uint8Array[] = []
    let bytes = 0
    for await (const answer of answers) {
      const frame = encodeAnswer(answer)
      charge(frame)
      piece.push(frame)
      bytes += frame.length
      const isFull = piece.length >= LIMITS.queryPiece.answers || bytes >= LIMITS.queryPiece.bytes
      if (!isFull && isSlow !== true) continue
      yield piece
      await this.#turn(from)
      piece = []
      bytes = 0
    }
    if (piece.length > 0) yield piece
  }

  /** One piece is begun in a turn of the event loop, of each host in turn, and of each of its peers. */
  async #turn(from: Bringer): Promise<void> {
    await this.#turns.of(from, async () => undefined)
  }

  /** Charges a peer for each answer that it is given. The token of the query itself pays for the first ones. */
  #tab({ peer }: Bringer): (frame: Uint8Array) => void {
    let paid = 1
    return frame => {
      const cost = costOf(frame)
      const due = cost - paid
      paid = Math.max(0, -due)
      if (due > 0) this.#rates.charge(peer, this.options.clock(), due)
    }
  }

  #read(frame: Uint8Array): Query | Extract<Answer, { kind: 'refused' }> {
    const ours = this.options.network
    try {
      const { network, query } = decodeQuery(frame)
      return equal(network, ours)
        ? query
        : refused('wrong network', `this peer serves network ${toHex(ours)}`)
    } catch (error) {
      if (error instanceof DecodeError) return refused('bad encoding', error.message)
      throw error
    }
  }
}

const BUSY = refused('busy', 'too many queries are being answered; ask again later')

const RATE_LIMITED = refused('rate limited', 'you ask for more than one peer is given; ask again later')

const NOT_SERVED = refused('not served', 'this peer does not answer such queries; ask another one')

/** What an answer costs who asked: `queryCost` says how that was measured. */
function costOf(answer: Uint8Array): number {
  const { answersInToken, bytesInToken } = LIMITS.queryCost
  return 1 / answersInToken + answer.length / bytesInToken
}
