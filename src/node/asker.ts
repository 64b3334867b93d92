import { setTimeout } from 'node:timers/promises'
import { advance, type Cursor, genesisCursor, link, type Place, type Rules } from '../chain/cursor.js'
import type { Block, CheckpointedHeader, SignedHeader } from '../core/block.js'
import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import { readCertificate } from '../core/encryption-key.js'
import { checkEvidence, type Evidence, forkEvidence } from '../core/evidence.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { Frontier, verifyConsistency, verifyInclusion } from '../core/merkle.js'
import { sequencerOf } from '../core/network-document.js'
import { type Answer, decodeAnswer, encodeQuery, type Query } from '../core/query.js'
import type { Receipt } from '../core/receipt.js'
import { readReceipt } from '../core/receipt.js'
import { isPassing } from '../core/refusal.js'
import type { SealingKey } from '../core/sealing.js'
import { NO_STAKES } from '../core/stakes.js'
import { type MessageRules, validateEnvelope } from '../core/validation.js'
import type { Channel } from '../network/channel.js'
import type { Host } from '../network/host.js'
import { QUERY_PROTOCOL } from '../network/names.js'
import type { Ancestors } from '../orderings/ordering.js'
import { BlockReader } from './block-reader.js'
import { describeError } from './events.js'
import { messageRules } from './message-rules.js'
import { Contradiction, NotFound, QueryFailed, QueryRefused, Untrue } from './query-errors.js'
import { QUERY_STREAMS } from './query-server.js'
import { within } from './waiting.js'

export interface Status {
  readonly height: number
  readonly size: number
  readonly pending: number
  readonly head: Hash
}

export interface ProvenInclusion {
  readonly position: number
  readonly leaf: Hash
  readonly path: readonly Hash[]
  readonly signed: CheckpointedHeader
}

/**
 * Asks one peer and believes nothing: every answer is checked against the network document before it is
 * given on. Throws NotFound where the answer is no, Untrue where it does not hold.
 */
export class Asker {
  readonly #verifiers = new VerifierCache()
  readonly #messageRules: MessageRules
  readonly #reader: BlockReader
  #head: SignedHeader | undefined

  constructor(
    private readonly host: Host,
    private readonly peer: PeerIdBytes,
    readonly rules: Rules,
    private readonly now: () => number
  ) {
    this.#messageRules = messageRules(rules)
    this.#reader = new BlockReader(rules, this.#verifiers)
  }

  /** Whatever is answered from now on must be of one log with this head. */
  tieTo(head: SignedHeader): void {
    this.#head = head
  }

  /** Height and size are those of a verified head; how many messages wait is the peer's word alone. */
  async status(): Promise<Status> {
    for (let tries = 0; tries < 10; tries += 1) {
      const answer = await this.#ask({ kind: 'status' })
      if (answer.kind !== 'status') return unexpected(answer)
      const { header, id } = (await this.blockAt(answer.height)).signed
      if (equal(id, answer.head) && header.size === answer.size) return answer
    }
    throw new Untrue('the status names a head that is not the one at its height')
  }

  /** What the peer says its head is. Its word alone, good for deciding whether to ask for more. */
  async claimedHead(): Promise<{ readonly height: number; readonly id: Hash }> {
    const answer = await this.#ask({ kind: 'status' })
    return answer.kind === 'status' ? { height: answer.height, id: answer.head } : unexpected(answer)
  }

  /** The signed header of the head; the genesis, which nobody signs, where there is no block yet. */
  async header(): Promise<CheckpointedHeader> {
    try {
      return await this.#header({ kind: 'headerOfHead' })
    } catch (error) {
      if (error instanceof NotFound) return genesisCursor(this.rules).signed
      throw error
    }
  }

  /** A signed header. Where it stands is the producer's word. */
  async headerAt(height: number): Promise<CheckpointedHeader> {
    if (height === 0) return genesisCursor(this.rules).signed
    const signed = await this.#header({ kind: 'headerOfHeight', height })
    if (signed.header.height !== height) throw new Untrue(`asked for header ${height}, was given another`)
    return signed
  }

  /** A block that has been verified whole: signature, chaining to its parent, both roots, state, every message's signature. */
  head(): Promise<Block> {
    return this.#verifiedBlock({ kind: 'head' })
  }

  async blockAt(height: number): Promise<Block> {
    const block = await this.#verifiedBlock({ kind: 'height', height })
    if (block.signed.header.height !== height)
      throw new Untrue(`asked for block ${height}, was given another`)
    return block
  }

  async blockById(id: Hash): Promise<Block> {
    const block = await this.#verifiedBlock({ kind: 'id', id })
    if (!equal(block.signed.id, id)) throw new Untrue('asked for one block, was given another')
    return block
  }

  /** A block as the peer has it, of which only the header's signature has been checked, and the peaks beside it. */
  async claimedBlock(
    height: number
  ): Promise<{ readonly block: Block; readonly peaks: readonly Uint8Array[] }> {
    const answer = await this.#ask({ kind: 'height', height })
    if (answer.kind !== 'block') return unexpected(answer)
    return { block: this.#reader.block(answer.block), peaks: answer.peaks }
  }

  /** The parent of the block with this id. */
  async previous(id: Hash): Promise<Block> {
    const child = await this.blockById(id)
    const parent = await this.#verifiedBlock({ kind: 'previous', id })
    if (!equal(child.signed.header.parent, parent.signed.id)) throw new Untrue('that is not the parent')
    return parent
  }

  /** Proof that a signed header's log holds a message. */
  async inclusion(of: { readonly position: number } | { readonly leaf: Hash }): Promise<ProvenInclusion> {
    const answer = await this.#ask(
      'leaf' in of
        ? { kind: 'inclusionOfLeaf', leaf: of.leaf }
        : { kind: 'inclusionOfPosition', position: of.position }
    )
    if (answer.kind !== 'inclusion') return unexpected(answer)
    const signed = this.#reader.header(answer.header, answer.checkpoint)
    const { position, leaf, path } = answer
    const isAsked = 'leaf' in of ? equal(leaf, of.leaf) : position === of.position
    const { size, count } = signed.header
    if (position < size - count || position >= size)
      throw new Untrue(`block ${signed.header.height} does not hold position ${position}`)
    if (!isAsked || !verifyInclusion(leaf, position, signed.header.size, path, signed.header.log))
      throw new Untrue(`the inclusion proof of position ${position} does not hold`)
    await this.#expectTied(signed)
    return { position, leaf, path, signed }
  }

  /** Proof of what stands at a position in a log that is known, against its root. */
  async inclusionIn(log: LogHead, position: number): Promise<Pick<ProvenInclusion, 'leaf' | 'path'>> {
    const answer = await this.#ask({ kind: 'inclusionInLog', position, size: log.size })
    if (answer.kind !== 'inclusion') return unexpected(answer)
    const { leaf, path } = answer
    if (answer.position !== position || !verifyInclusion(leaf, position, log.size, path, log.log))
      throw new Untrue(`the inclusion proof of position ${position} does not hold`)
    return { leaf, path }
  }

  /** Checks that the log of `earlier` begins the log of `later`. */
  async consistency(earlier: LogHead, later: LogHead): Promise<readonly Hash[]> {
    if (earlier.size > later.size)
      throw new Untrue(`the log has shrunk from ${earlier.size} to ${later.size} messages`)
    const answer = await this.#ask({ kind: 'consistency', from: earlier.size, to: later.size })
    if (answer.kind !== 'consistency') return unexpected(answer)
    if (!verifyConsistency(earlier.size, earlier.log, later.size, later.log, answer.path))
      throw new Untrue(`the log of ${later.size} messages does not begin with the one of ${earlier.size}`)
    return answer.path
  }

  async sealingKey(): Promise<SealingKey> {
    return this.#readCertificate(await this.certificate())
  }

  /** The certificate of the encryption key, for others, verified. */
  async certificate(): Promise<EnvelopeBytes> {
    const answer = await this.#ask({ kind: 'key' })
    if (answer.kind !== 'key') return unexpected(answer)
    this.#readCertificate(answer.certificate)
    return answer.certificate
  }

  #readCertificate(certificate: EnvelopeBytes): SealingKey {
    return readCertificate(
      certificate,
      this.rules.network.id,
      sequencerOf(this.rules.network),
      this.#verifiers
    )
  }

  /** All the evidence that the peer knows, each piece checked. */
  async evidence(): Promise<Evidence[]> {
    const all: Evidence[] = []
    for await (const answer of this.#stream({ kind: 'evidence' })) {
      if (answer.kind === 'notFound' || answer.kind === 'done') return all
      if (answer.kind !== 'evidence' || all.length >= LIMITS.evidence) return unexpected(answer)
      all.push(checkEvidence(answer.evidence, this.rules.network, this.#verifiers))
    }
    throw new QueryFailed('the peer ended the stream before the end of the evidence')
  }

  async receipt(author: PeerIdBytes, sequence: bigint): Promise<Receipt> {
    const answer = await this.#ask({ kind: 'receipt', author, sequence })
    if (answer.kind !== 'receipt') return unexpected(answer)
    const receipt = readReceipt(
      answer.receipt,
      this.rules.network.id,
      sequencerOf(this.rules.network),
      this.#verifiers
    )
    const isAsked =
      equal(receipt.author, author) && receipt.entries.some(entry => entry.sequence === sequence)
    if (!isAsked) throw new Untrue('that is the receipt of something else')
    return receipt
  }

  /** The blocks after a verified place, page after page, each verified as it comes. */
  async *chainAfter(cursor: Cursor): AsyncIterable<{ readonly block: Block; readonly cursor: Cursor }> {
    let place = cursor
    for (;;) {
      const from = place.signed.header.height + 1
      for await (const block of this.page(from, LIMITS.rangeBlocks)) {
        place = await this.#advance(place, block)
        yield { block, cursor: place }
      }
      if (place.signed.header.height < from) return
    }
  }

  /**
   * One page of blocks from a height on, in order; it may end early, and is empty past the head. Their
   * headers' signatures have been checked, nothing else.
   */
  async *page(from: number, limit: number): AsyncIterable<Block> {
    let height = from
    for await (const answer of this.#stream({ kind: 'range', from, limit })) {
      if (answer.kind === 'notFound') return
      if (answer.kind === 'done') {
        if (height === from) throw new Untrue(`the page of blocks from ${from} on holds none`)
        return
      }
      if (answer.kind !== 'block') return unexpected(answer)
      const block = this.#reader.block(answer.block)
      if (block.signed.header.height !== height || height - from >= limit)
        throw new Untrue(`block ${block.signed.header.height} came where block ${height} was due`)
      yield block
      height += 1
    }
    throw new QueryFailed('the peer ended the stream before the end of the page')
  }

  async #header(query: Query): Promise<CheckpointedHeader> {
    const answer = await this.#ask(query)
    if (answer.kind !== 'header') return unexpected(answer)
    return this.#reader.header(answer.header, answer.checkpoint)
  }

  async #verifiedBlock(query: Query): Promise<Block> {
    const answer = await this.#ask(query)
    if (answer.kind !== 'block') return unexpected(answer)
    const block = this.#reader.block(answer.block)
    const { header } = block.signed
    if (header.height === 0) return block
    const parent = await this.headerAt(header.height - 1)
    const frontier = Frontier.verified(parent.header.size, answer.peaks, parent.header.log)
    if (frontier === undefined) throw new Untrue("the peaks do not give the parent's log")
    await this.#expectNext({ signed: parent, ancestors: await this.#ancestors(parent), frontier }, block)
    await this.#expectTied(block.signed)
    return block
  }

  async #expectTied({ header, id, envelope }: SignedHeader): Promise<void> {
    const head = this.#head
    if (head === undefined) return
    if (header.height === head.header.height && !equal(id, head.id))
      throw new Contradiction(
        `there are two blocks ${header.height}, and the sequencer has signed both`,
        forkEvidence(head, { header, id, envelope })
      )
    const [earlier, later] = header.size <= head.header.size ? [header, head.header] : [head.header, header]
    await this.consistency(earlier, later)
  }

  async #advance(cursor: Cursor, block: Block): Promise<Cursor> {
    const advanced = advance(cursor, block, this.rules, this.now())
    if (!advanced.ok) throw Untrue.fault(advanced.fault)
    await this.#expectMessages(block)
    return advanced.cursor
  }

  /** The state before the block is known only to whoever followed the chain, or where it never changes. */
  async #expectNext(place: Place, block: Block): Promise<void> {
    const { application } = this.rules
    if (application.isStateless) {
      await this.#advance({ ...place, weight: 0n, state: application.genesis() }, block)
      return
    }
    const linked = link(place, block, this.rules, NO_STAKES, this.now())
    if (!linked.ok) throw Untrue.fault(linked.fault)
    await this.#expectMessages(block)
  }

  /** A parent and those before it, as many as the ordering looks at. */
  async #ancestors(parent: CheckpointedHeader): Promise<Ancestors> {
    const older: CheckpointedHeader[] = []
    let oldest = parent
    while (older.length + 1 < this.rules.ordering.lookback && oldest.header.height > 0) {
      const next = await this.headerAt(oldest.header.height - 1)
      if (!equal(next.id, oldest.header.parent)) throw new Untrue('its headers do not follow one another')
      older.push(next)
      oldest = next
    }
    return [parent.header, ...older.map(({ header }) => header)]
  }

  async #expectMessages({ signed: { header }, envelopes }: Block): Promise<void> {
    for (const [index, envelope] of envelopes.entries()) {
      const verdict = await validateEnvelope(envelope, this.#messageRules, this.#verifiers)
      if (verdict.ok) continue
      throw Untrue.fault({
        kind: 'message',
        height: header.height,
        position: header.size - header.count + index,
        detail: verdict.refusal.detail
      })
    }
  }

  async #ask(query: Query): Promise<Answer> {
    for await (const answer of this.#stream(query)) {
      if (answer.kind === 'notFound') throw new NotFound(answer.detail)
      return answer
    }
    throw new QueryFailed('the peer ended the stream without an answer')
  }

  /** A refusal that time mends is not the last word. It comes before any answer. */
  async *#stream(query: Query): AsyncIterable<Answer> {
    for (const wait of LIMITS.askAgainMs)
      try {
        return yield* this.#streamOnce(query)
      } catch (error) {
        if (!(error instanceof QueryRefused && isPassing(error.reason))) throw error
        await setTimeout(wait)
      }
    yield* this.#streamOnce(query)
  }

  async *#streamOnce(query: Query): AsyncIterable<Answer> {
    // Frame by frame in time, a peer could still go on for ever.
    const whole = AbortSignal.timeout(LIMITS.queryMs)
    const deadline = (): AbortSignal => within(LIMITS.frameMs, whole)
    const channel: Channel = await this.host
      .open(this.peer, QUERY_PROTOCOL, QUERY_STREAMS, deadline())
      .catch(asQueryFailed)
    try {
      await channel.send(encodeQuery(this.rules.network.id, query), deadline()).catch(asQueryFailed)
      for (;;) {
        const frame = await channel.receive(deadline()).catch(asQueryFailed)
        if (frame === undefined) return
        const answer = decodeAnswer(frame)
        if (answer.kind === 'refused') throw new QueryRefused(answer.reason, answer.detail)
        yield answer
      }
    } finally {
      await channel.close(deadline())
    }
  }
}

/** What a consistency proof joins: so many messages under this root. */
export interface LogHead {
  readonly size: number
  readonly log: Hash
}

function unexpected(answer: Answer): never {
  if (answer.kind === 'notFound') throw new NotFound(answer.detail)
  throw new Untrue(`the peer answered with a ${answer.kind}, which was not asked`)
}

function asQueryFailed(error: unknown): never {
  throw new QueryFailed(`the peer did not answer: ${describeError(error)}`)
}
