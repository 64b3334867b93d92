import { ancestorsAfter, type Cursor, genesisCursor, type Place } from '../chain/cursor.js'
import type { Block, CheckpointedHeader, SignedHeader } from '../core/block.js'
import { equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import { forkEvidence } from '../core/evidence.js'
import { LIMITS } from '../core/limits.js'
import { Frontier, verifyConsistency, verifyInclusion } from '../core/merkle.js'
import type { Query } from '../core/query.js'
import type { Host } from '../network/host.js'
import type { Ancestors } from '../orderings/ordering.js'
import type { Rules } from '../rules/rules.js'
import { BlockVerifier } from './block-verifier.js'
import { HeaderQueries } from './header-queries.js'
import { unexpected } from './query-client.js'
import { Contradiction, InvalidAnswer, NotFound, QueryFailed } from './query-errors.js'
import type { VerifiedChain } from './verified-chain.js'

export interface Status {
  readonly height: number
  readonly size: number
  readonly pending: number
  readonly head: Hash
  readonly weight: bigint
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
export class BlockQueries extends HeaderQueries {
  protected readonly verifier: BlockVerifier
  #head: SignedHeader | undefined
  #chain: VerifiedChain | undefined

  constructor(host: Host, peer: PeerIdBytes, rules: Rules, now: () => number) {
    super(host, peer, rules)
    this.verifier = new BlockVerifier(rules, this.verifiers, now)
  }

  /** Whatever is answered from now on must be of one log with this head. */
  tieTo(head: SignedHeader): void {
    this.#head = head
  }

  /** Whatever is answered from now on must be of this chain, which is that of the same peer and moves with it. */
  tieToChain(chain: VerifiedChain): void {
    this.#chain = chain
  }

  /** The ids of so many blocks from a height on, as far as the chain that was verified goes. */
  verifiedIds(from: number, count: number): Hash[] {
    return Array.from({ length: count }, (_, index) => this.#chain?.idAt(from + index)).flatMap(
      id => id ?? []
    )
  }

  /** False where a block was verified that has left the chain, or never was in it. */
  isOnChain({ header, id }: SignedHeader): boolean {
    return this.#chain?.has(header.height, id) ?? true
  }

  /** Messages that are in no block yet. It is the peer's word alone. */
  async claimedPending(): Promise<number> {
    const answer = await this.client.one({ kind: 'status' })
    return answer.kind === 'status' ? answer.pending : unexpected(answer)
  }

  /** Height and size are those of a verified head; how many messages wait, and what the chain weighs, is the peer's word alone. */
  async status(): Promise<Status> {
    for (let tries = 0; tries < 10; tries += 1) {
      const answer = await this.client.one({ kind: 'status' })
      if (answer.kind !== 'status') return unexpected(answer)
      const { header, id } = (await this.blockAt(answer.height)).signed
      if (equal(id, answer.head) && header.size === answer.size) return answer
    }
    throw new InvalidAnswer('the status names a head that is not the one at its height')
  }

  /** A block that has been verified whole: signature, chaining to its parent, both roots, state, every message's signature. */
  head(): Promise<Block> {
    return this.#verifiedBlock({ kind: 'head' })
  }

  async blockAt(height: number): Promise<Block> {
    const block = await this.#verifiedBlock({ kind: 'height', height })
    if (block.signed.header.height !== height)
      throw new InvalidAnswer(`asked for block ${height}, was given another`)
    return block
  }

  async blockById(id: Hash): Promise<Block> {
    const block = await this.#verifiedBlock({ kind: 'id', id }, 'or beside')
    if (!equal(block.signed.id, id)) throw new InvalidAnswer('asked for one block, was given another')
    return block
  }

  /** The parent of the block with this id. */
  async previous(id: Hash): Promise<Block> {
    const child = await this.blockById(id)
    const parent = await this.#verifiedBlock({ kind: 'previous', id }, 'or beside')
    if (!equal(child.signed.header.parent, parent.signed.id))
      throw new InvalidAnswer('that is not the parent')
    return parent
  }

  /** Proof that a signed header's log holds a message. */
  async inclusion(of: { readonly position: number } | { readonly leaf: Hash }): Promise<ProvenInclusion> {
    const answer = await this.client.one(
      'leaf' in of
        ? { kind: 'inclusionOfLeaf', leaf: of.leaf }
        : { kind: 'inclusionOfPosition', position: of.position }
    )
    if (answer.kind !== 'inclusion') return unexpected(answer)
    const signed = this.reader.header(answer.header, answer.checkpoint)
    const { position, leaf, path } = answer
    const isAsked = 'leaf' in of ? equal(leaf, of.leaf) : position === of.position
    const { size, count } = signed.header
    if (position < size - count || position >= size)
      throw new InvalidAnswer(`block ${signed.header.height} does not hold position ${position}`)
    if (!isAsked || !verifyInclusion(leaf, position, signed.header.size, path, signed.header.log))
      throw new InvalidAnswer(`the inclusion proof of position ${position} does not hold`)
    await this.expectStands(signed)
    return { position, leaf, path, signed }
  }

  /** Proof of what stands at a position in a log that is known, against its root. */
  async inclusionIn(log: LogHead, position: number): Promise<Pick<ProvenInclusion, 'leaf' | 'path'>> {
    const answer = await this.client.one({ kind: 'inclusionInLog', position, size: log.size })
    if (answer.kind !== 'inclusion') return unexpected(answer)
    const { leaf, path } = answer
    if (answer.position !== position || !verifyInclusion(leaf, position, log.size, path, log.log))
      throw new InvalidAnswer(`the inclusion proof of position ${position} does not hold`)
    return { leaf, path }
  }

  /** Checks that the log of `earlier` begins the log of `later`. */
  async consistency(earlier: LogHead, later: LogHead): Promise<readonly Hash[]> {
    if (earlier.size > later.size)
      throw new InvalidAnswer(`the log has shrunk from ${earlier.size} to ${later.size} messages`)
    const answer = await this.client.one({ kind: 'consistency', from: earlier.size, to: later.size })
    if (answer.kind !== 'consistency') return unexpected(answer)
    if (!verifyConsistency(earlier.size, earlier.log, later.size, later.log, answer.path))
      throw new InvalidAnswer(
        `the log of ${later.size} messages does not begin with the one of ${earlier.size}`
      )
    return answer.path
  }

  /** The blocks after a verified place, page after page, each verified as it comes. */
  async *chainAfter(cursor: Cursor): AsyncIterable<{ readonly block: Block; readonly cursor: Cursor }> {
    let place = cursor
    for (;;) {
      const from = place.signed.header.height + 1
      for await (const block of this.page(from, LIMITS.rangeBlocks)) {
        place = await this.verifier.advance(place, block)
        yield { block, cursor: place }
      }
      if (place.signed.header.height < from) return
    }
  }

  /** Headers from a height on, at most so many, each verified as the child of the one before it. */
  async *headers(from: number, limit: number): AsyncIterable<CheckpointedHeader> {
    const genesis = genesisCursor(this.rules).signed
    if (from === 0 && limit > 0) yield genesis
    const end = from + limit
    const shown = this.shownHead
    let next = Math.max(from, 1)
    if (next >= end) return
    let last = await this.headerAt(next - 1)
    let ancestors = await this.#ancestorsOf(last)
    while (next < end) {
      const start = next
      for await (const signed of this.headerPage(next, end - next)) {
        if (next === start && !equal(signed.header.parent, last.id)) this.#expectNoMove(next)
        this.verifier.expectLinked({ signed: last, ancestors }, signed)
        ancestors = ancestorsAfter(ancestors, signed.header, this.rules.ordering)
        last = signed
        next += 1
        // There a header counts for nothing before it is known where it stands.
        if (this.#chain !== undefined) await this.#expectTied(signed)
        yield signed
      }
      if (next === start) break
    }
    if (next < end) await this.#expectAll(next, shown)
    await this.#expectTied(last)
  }

  /** Checks the header that came with an answer, beside what it shows by itself. */
  protected async expectStands(signed: CheckpointedHeader): Promise<void> {
    // Where nobody speaks for the log alone, a header counts by what stands behind it.
    if (this.rules.ordering.sequencer === undefined)
      this.verifier.expectLinked(await this.#placeBefore(signed), signed)
    await this.#expectTied(signed)
  }

  /** The head that this peer has shown, which is verified; undefined where it was not asked for it. */
  protected get shownHead(): SignedHeader | undefined {
    return this.#chain?.head ?? this.#head
  }

  /** What was asked of the peer's head now must not be of a block before one that it had shown as its head. */
  protected expectNoOlder({ header }: SignedHeader, than: SignedHeader | undefined): void {
    if (than === undefined || header.height >= than.header.height) return
    // A heavier branch may have fewer blocks.
    if (this.#chain?.has(than.header.height, than.id) === false) return
    throw new InvalidAnswer(
      `asked for what its head has, which is block ${than.header.height} or a later one, was given what block ${header.height} has`
    )
  }

  /** A peer that has shown a head gives all headers up to it, unless its chain has moved to another branch. */
  async #expectAll(next: number, head: SignedHeader | undefined): Promise<void> {
    if (head === undefined || next > head.header.height) return
    await this.#chain?.follow()
    if (this.isOnChain(head))
      throw new InvalidAnswer(
        `it keeps back block ${next}, and has shown block ${head.header.height} as its head`
      )
  }

  /** Between two questions a chain may move to another branch: that is no lie where it is allowed. */
  #expectNoMove(height: number): void {
    if (this.rules.ordering.sequencer === undefined)
      throw new QueryFailed(`the peer's chain moved to another branch before block ${height} came; ask again`)
  }

  async #verifiedBlock(query: Query, where: 'on chain' | 'or beside' = 'on chain'): Promise<Block> {
    return (await this.verifiedPlace(query, where)).block
  }

  /** A block that has been verified whole, and the place after it. */
  protected async verifiedPlace(
    query: Query,
    where: 'on chain' | 'or beside' = 'on chain'
  ): Promise<{ readonly block: Block; readonly place: Place }> {
    const answer = await this.client.one(query)
    if (answer.kind !== 'block') return unexpected(answer)
    const block = this.reader.block(answer.block)
    const { header } = block.signed
    if (header.height === 0) return { block, place: genesisCursor(this.rules) }
    const before = await this.#placeBefore(block.signed)
    const parent = before.signed.header
    const frontier = Frontier.verified(parent.size, answer.peaks, parent.log)
    if (frontier === undefined) throw new InvalidAnswer("the peaks do not give the parent's log")
    const place = await this.verifier.expectNext({ ...before, frontier }, block)
    await this.#expectTied(block.signed, where)
    return { block, place }
  }

  async #expectTied(signed: SignedHeader, where: 'on chain' | 'or beside' = 'on chain'): Promise<void> {
    if (this.#chain !== undefined) return this.#expectRooted(this.#chain, signed, where)
    const { header, id, envelope } = signed
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

  /** Its work counts only where it stands on headers that were verified from the genesis on. */
  async #expectRooted(
    chain: VerifiedChain,
    signed: SignedHeader,
    where: 'on chain' | 'or beside'
  ): Promise<void> {
    const { height } = signed.header
    if (this.isOnChain(signed)) return
    await chain.follow()
    if (this.isOnChain(signed)) return
    if (where === 'on chain')
      throw new InvalidAnswer(`block ${height} is not on the chain that this peer shows from the genesis on`)
    let last = signed
    for (let steps = 1; !chain.has(last.header.height - 1, last.header.parent); steps += 1) {
      if (steps > this.rules.ordering.maxReorg)
        throw new InvalidAnswer(`block ${height} stands on no chain that this peer shows from the genesis on`)
      const parent = await this.#parentOf(last)
      this.verifier.expectLinked(await this.#placeBefore(parent), parent)
      last = parent
    }
  }

  async #placeBefore(signed: SignedHeader): Promise<Pick<Place, 'signed' | 'ancestors'>> {
    const parent = await this.#parentOf(signed)
    return { signed: parent, ancestors: await this.#ancestorsOf(parent) }
  }

  /** By its id: the chain of a peer may move to another branch between two questions. */
  async #parentOf({ header }: SignedHeader): Promise<CheckpointedHeader> {
    try {
      return await this.headerById(header.parent)
    } catch (error) {
      if (!(error instanceof NotFound)) throw error
      throw new InvalidAnswer(`it keeps back the parent of its block ${header.height}`)
    }
  }

  /** A parent and those before it, as many as the ordering looks at. */
  async #ancestorsOf(parent: CheckpointedHeader): Promise<Ancestors> {
    const older: CheckpointedHeader[] = []
    let oldest = parent
    while (older.length + 1 < this.rules.ordering.lookback && oldest.header.height > 0) {
      const next = await this.#parentOf(oldest)
      older.push(next)
      oldest = next
    }
    return [parent.header, ...older.map(({ header }) => header)]
  }
}

/** What a consistency proof joins: so many messages under this root. */
export interface LogHead {
  readonly size: number
  readonly log: Hash
}
