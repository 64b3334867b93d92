import { pipe } from 'it-pipe'
import type { Chain } from '../chain/chain.js'
import type { Inclusion } from '../chain/chain-reader.js'
import { type Database, placeOf, receiptOf } from '../chain/store.js'
import type { CheckpointedHeader } from '../core/block.js'
import { type EnvelopeBytes, equal, toHex } from '../core/bytes.js'
import { NO_CHECKPOINT } from '../core/checkpoint.js'
import type { Evidence } from '../core/evidence.js'
import { LIMITS } from '../core/limits.js'
import { type Answer, decodeQuery, encodeAnswer, type Query } from '../core/query.js'
import { type Rate, RateLimiter } from '../core/rate-limiter.js'
import type { Channel } from '../network/channel.js'
import type { Host, StreamOptions } from '../network/host.js'
import { QUERY_PROTOCOL } from '../network/names.js'
import { describeError } from './events.js'
import type { Service } from './service.js'
import { within } from './waiting.js'

/** Both sides of the query protocol. A page of a range may lie unread, and a block beyond it. */
export const QUERY_STREAMS: StreamOptions = {
  streams: LIMITS.queryStreams,
  frameBytes: LIMITS.answerBytes,
  unreadBytes: LIMITS.answerBytes + LIMITS.rangeBytes,
  unsentBytes: LIMITS.answerBytes + LIMITS.rangeBytes
}

export interface QuerySource {
  readonly chain: Chain
  readonly database: Database
  /** Messages that are on disk and in no block yet. */
  readonly pending: () => number
  /** Certificate of the current encryption key, where this peer has one. */
  readonly certificate: () => Promise<EnvelopeBytes | undefined>
  /** What this peer knows of the sequencer's lies. */
  readonly evidence: () => readonly Evidence[]
  /** A monotonic clock, ms. */
  readonly clock: () => number
  /** In place of the one in LIMITS. */
  readonly rate?: Rate | undefined
}

/** Answers /tallystick/query/1: one query a stream, then the answers, then the end. */
export class QueryServer implements Service {
  readonly #open = new Set<Promise<void>>()
  /** Queries that are being answered, in all and by peer. */
  #answering = 0
  readonly #answeringTo = new Map<string, number>()
  readonly #rates: RateLimiter

  constructor(
    private readonly host: Host,
    private readonly source: QuerySource
  ) {
    this.#rates = new RateLimiter(source.rate ?? LIMITS.queryRate, LIMITS.rememberedRates)
  }

  async start(): Promise<void> {
    const request = { ...QUERY_STREAMS, frameBytes: LIMITS.queryBytes, unreadBytes: 2 * LIMITS.queryBytes }
    await this.host.serve(QUERY_PROTOCOL, request, async (channel, peer) => {
      const served = this.#serve(channel, toHex(peer))
      this.#open.add(served)
      await served.finally(() => this.#open.delete(served))
    })
  }

  async stop(): Promise<void> {
    await this.host.unserve(QUERY_PROTOCOL)
    await Promise.race([Promise.allSettled(this.#open), aborted(AbortSignal.timeout(LIMITS.stopMs / 5))])
  }

  async #serve(channel: Channel, peer: string): Promise<void> {
    const whole = AbortSignal.timeout(LIMITS.queryMs)
    const deadline = (): AbortSignal => within(LIMITS.frameMs, whole)
    const frame = await channel.receive(deadline())
    if (frame === undefined) return channel.close(deadline())
    // Counted only now: a stream on which nothing is asked keeps nobody out.
    const ofPeer = this.#answeringTo.get(peer) ?? 0
    const isBusy = this.#answering >= LIMITS.queries || ofPeer >= LIMITS.queriesOfPeer
    const refused = isBusy ? BUSY : this.#rates.take(peer, this.source.clock()) ? undefined : RATE_LIMITED
    this.#answering += 1
    this.#answeringTo.set(peer, ofPeer + 1)
    try {
      await pipe(refused ? [refused] : this.#answers(frame), encodeAll, async frames => {
        for await (const bytes of frames) await channel.send(bytes, deadline())
      })
    } finally {
      this.#answering -= 1
      const left = (this.#answeringTo.get(peer) ?? 1) - 1
      if (left > 0) this.#answeringTo.set(peer, left)
      else this.#answeringTo.delete(peer)
    }
    await channel.close(deadline())
  }

  async *#answers(frame: Uint8Array): AsyncIterable<Answer> {
    let query: Query
    try {
      const decoded = decodeQuery(frame)
      const ours = this.source.chain.rules.network.id
      if (!equal(decoded.network, ours)) {
        yield { kind: 'refused', reason: 'wrong network', detail: `this peer serves network ${toHex(ours)}` }
        return
      }
      query = decoded.query
    } catch (error) {
      yield { kind: 'refused', reason: 'bad encoding', detail: describeError(error) }
      return
    }
    if (query.kind === 'range') yield* this.#range(query.from, query.limit)
    else if (query.kind === 'evidence') yield* this.#evidence()
    else yield this.#answer(query)
  }

  async #answer(query: Exclude<Query, { kind: 'range' | 'evidence' }>): Promise<Answer> {
    const { chain, database } = this.source
    const head = chain.head()
    switch (query.kind) {
      case 'status': {
        const { height, size } = head.header
        return { kind: 'status', height, size, pending: this.source.pending(), head: head.id }
      }
      case 'head':
        return this.#block(head)
      case 'headerOfHead':
        return headerAnswer(head)
      case 'headerOfHeight': {
        const signed = chain.headerAt(query.height)
        return signed
          ? headerAnswer(signed)
          : notFound(`no block ${query.height}; the head is ${head.header.height}`)
      }
      case 'height': {
        const signed = chain.headerAt(query.height)
        return signed
          ? this.#block(signed)
          : notFound(`no block ${query.height}; the head is ${head.header.height}`)
      }
      case 'id': {
        const signed = chain.headerById(query.id)
        return signed ? this.#block(signed) : notFound(`no block ${toHex(query.id)}`)
      }
      case 'previous': {
        const signed = chain.headerById(query.id)
        if (signed === undefined) return notFound(`no block ${toHex(query.id)}`)
        const parent = chain.headerAt(signed.header.height - 1)
        return parent ? this.#block(parent) : notFound('the genesis has no previous block')
      }
      case 'inclusionOfPosition':
        return inclusionAnswer(
          chain.inclusion(query.position),
          `no block holds position ${query.position} yet`
        )
      case 'inclusionOfLeaf':
        return inclusionAnswer(await chain.inclusionOfLeaf(query.leaf), `no block holds ${toHex(query.leaf)}`)
      case 'inclusionInLog': {
        const { position, size } = query
        const proven = chain.inclusionInLog(position, size)
        return proven
          ? { kind: 'inclusion', position, ...proven, header: NO_HEADER, checkpoint: NO_CHECKPOINT }
          : notFound(
              `no proof of ${position} in a log of ${size}; there are ${head.header.size} messages in blocks`
            )
      }
      case 'consistency': {
        const { from, to } = query
        const path = chain.consistency(from, to)
        return path
          ? { kind: 'consistency', from, to, path }
          : notFound(`no proof from ${from} to ${to}; the log has ${head.header.size} messages in blocks`)
      }
      case 'key': {
        const certificate = await this.source.certificate()
        return certificate ? { kind: 'key', certificate } : notFound('this peer knows no encryption key')
      }
      case 'receipt': {
        const place = placeOf(database, query.author, query.sequence)
        const receipt = place && receiptOf(database, place)
        return receipt ? { kind: 'receipt', receipt } : notFound(`no receipt for sequence ${query.sequence}`)
      }
    }
  }

  async #block(signed: CheckpointedHeader): Promise<Answer> {
    const { chain } = this.source
    return {
      kind: 'block',
      block: await chain.encodedBlock(signed),
      peaks: chain.frontierAt(signed.header.size - signed.header.count).peaks
    }
  }

  *#evidence(): Iterable<Answer> {
    const all = this.source.evidence()
    for (const { bytes } of all) yield { kind: 'evidence', evidence: bytes }
    yield all.length === 0 ? notFound('no evidence is known here') : { kind: 'done', next: all.length }
  }

  async *#range(from: number, limit: number): AsyncIterable<Answer> {
    const { chain } = this.source
    let next = from
    for (let bytes = 0; next - from < Math.min(limit, LIMITS.rangeBlocks); next += 1) {
      const signed = chain.headerAt(next)
      if (signed === undefined || bytes > LIMITS.rangeBytes) break
      const block = await chain.encodedBlock(signed)
      bytes += block.length
      yield { kind: 'block', block, peaks: [] }
    }
    yield next === from ? notFound(`no block ${from}`) : { kind: 'done', next }
  }
}

const NO_HEADER = new Uint8Array(0) as Uint8Array as EnvelopeBytes

const BUSY: Answer = {
  kind: 'refused',
  reason: 'busy',
  detail: 'too many queries are being answered; ask again later'
}

const RATE_LIMITED: Answer = {
  kind: 'refused',
  reason: 'rate limited',
  detail: 'you ask more queries a second than one peer may; ask again later'
}

async function* encodeAll(answers: AsyncIterable<Answer> | Iterable<Answer>): AsyncIterable<Uint8Array> {
  for await (const answer of answers) yield encodeAnswer(answer)
}

function inclusionAnswer(inclusion: Inclusion | undefined, otherwise: string): Answer {
  if (inclusion === undefined) return notFound(otherwise)
  const { position, leaf, path, signed } = inclusion
  const { envelope: header, checkpoint } = signed
  return { kind: 'inclusion', position, leaf, path, header, checkpoint }
}

/** The genesis has no signed header: it follows from the network document. */
function headerAnswer({ header: { height }, envelope: header, checkpoint }: CheckpointedHeader): Answer {
  return height === 0
    ? notFound('nobody signs the genesis, which follows from the network document')
    : { kind: 'header', header, checkpoint }
}

function notFound(detail: string): Answer {
  return { kind: 'notFound', detail }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
