import { genesisCursor } from '../chain/cursor.js'
import type { Block, CheckpointedHeader } from '../core/block.js'
import { equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { leafHash, rootOf } from '../core/merkle.js'
import type { HeadClaim, Query } from '../core/query.js'
import type { Host } from '../network/host.js'
import type { Rules } from '../rules/rules.js'
import { BlockReader } from './block-reader.js'
import { QueryClient, unexpected } from './query-client.js'
import { InvalidAnswer, NotFound, QueryFailed } from './query-errors.js'

/**
 * Asks one peer for the chain as it has it. What it gives was asked for, shows by itself what its ordering wants to
 * see, and is signed by its producer; whether it stands where it says is for whoever asks to find out. Throws
 * NotFound where the answer is no, Untrue where it cannot be true.
 */
export class HeaderQueries {
  protected readonly verifiers = new VerifierCache()
  protected readonly reader: BlockReader
  protected readonly client: QueryClient

  constructor(
    host: Host,
    peer: PeerIdBytes,
    readonly rules: Rules
  ) {
    this.reader = new BlockReader(rules, this.verifiers)
    this.client = new QueryClient(host, peer, rules.network.id)
  }

  get peer(): PeerIdBytes {
    return this.client.peer
  }

  /** What the peer says its head is. Good for deciding whether to ask for more. */
  async claimedHead(): Promise<HeadClaim> {
    const answer = await this.client.one({ kind: 'status' })
    if (answer.kind !== 'status') return unexpected(answer)
    const { height, head: id, weight } = answer
    return { height, id, weight }
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

  async headerAt(height: number): Promise<CheckpointedHeader> {
    if (height === 0) return genesisCursor(this.rules).signed
    const signed = await this.#header({ kind: 'headerOfHeight', height })
    if (signed.header.height !== height)
      throw new InvalidAnswer(`asked for header ${height}, was given another`)
    return signed
  }

  /** On the peer's chain or, where it keeps other branches, beside it. */
  async headerById(id: Hash): Promise<CheckpointedHeader> {
    const genesis = genesisCursor(this.rules).signed
    if (equal(id, genesis.id)) return genesis
    const signed = await this.#header({ kind: 'headerOfId', id })
    if (!equal(signed.id, id)) throw new InvalidAnswer('asked for one header, was given another')
    return signed
  }

  /** A block, and the peaks of the log before it. */
  async claimedBlock(
    height: number
  ): Promise<{ readonly block: Block; readonly peaks: readonly Uint8Array[] }> {
    const answer = await this.client.one({ kind: 'height', height })
    if (answer.kind !== 'block') return unexpected(answer)
    return { block: this.reader.block(answer.block), peaks: answer.peaks }
  }

  /** One page of headers from a height on, each the child of the one before; it may end early, and is empty past the head. */
  async *headerPage(from: number, limit: number): AsyncIterable<CheckpointedHeader> {
    let last: CheckpointedHeader | undefined
    let height = from
    for await (const answer of this.client.all({ kind: 'headers', from, limit })) {
      if (answer.kind === 'notFound') return
      if (answer.kind === 'done') {
        if (height === from) throw new InvalidAnswer(`the page of headers from ${from} on holds none`)
        return
      }
      if (answer.kind !== 'header') return unexpected(answer)
      const signed = this.reader.header(answer.header, answer.checkpoint)
      if (signed.header.height !== height || height - from >= limit)
        throw new InvalidAnswer(`header ${signed.header.height} came where header ${height} was due`)
      if (last !== undefined && !equal(signed.header.parent, last.id))
        throw new InvalidAnswer(`header ${height} is not the child of the one before it`)
      yield signed
      last = signed
      height += 1
    }
    throw new QueryFailed('the peer ended the stream before the end of the page')
  }

  /** One page of blocks from a height on, in order; it may end early, and is empty past the head. */
  async *page(from: number, limit: number): AsyncIterable<Block> {
    let height = from
    for await (const answer of this.client.all({ kind: 'range', from, limit })) {
      if (answer.kind === 'notFound') return
      if (answer.kind === 'done') {
        if (height === from) throw new InvalidAnswer(`the page of blocks from ${from} on holds none`)
        return
      }
      if (answer.kind !== 'block') return unexpected(answer)
      const block = this.reader.block(answer.block)
      if (block.signed.header.height !== height || height - from >= limit)
        throw new InvalidAnswer(`block ${block.signed.header.height} came where block ${height} was due`)
      yield block
      height += 1
    }
    throw new QueryFailed('the peer ended the stream before the end of the page')
  }

  /**
   * The blocks of these ids, however many, in this order; on the peer's chain or beside it. Each comes with the
   * messages that its header names. It ends at the first that the peer does not have.
   */
  async *blocksById(ids: readonly Hash[]): AsyncIterable<Block> {
    let next = 0
    while (next < ids.length)
      for await (const block of this.#batch(ids.slice(next, next + LIMITS.blockIds))) {
        if (block === undefined) return
        yield block
        next += 1
      }
  }

  /** At least the first of these, undefined where the peer does not have it; a page that grows too long ends early. */
  async *#batch(ids: readonly Hash[]): AsyncIterable<Block | undefined> {
    let count = 0
    for await (const answer of this.client.all({ kind: 'blocksById', ids })) {
      if (answer.kind === 'done') {
        if (count === 0 || answer.next !== count)
          throw new InvalidAnswer(
            `${answer.next} of the blocks that were asked for are said to be answered, not ${count}`
          )
        return
      }
      const id = ids[count]
      if (id === undefined) throw new InvalidAnswer('more blocks came than were asked for')
      if (answer.kind === 'missing') {
        if (!equal(answer.id, id)) throw new InvalidAnswer('another block is missing than was asked for')
        yield undefined
      } else if (answer.kind === 'block') {
        const block = this.reader.block(answer.block)
        if (!equal(block.signed.id, id)) throw new InvalidAnswer('asked for one block, was given another')
        expectWhole(block)
        yield block
      } else return unexpected(answer)
      count += 1
    }
    throw new QueryFailed('the peer ended the stream before the last of the blocks')
  }

  async #header(query: Query): Promise<CheckpointedHeader> {
    const answer = await this.client.one(query)
    if (answer.kind !== 'header') return unexpected(answer)
    return this.reader.header(answer.header, answer.checkpoint)
  }
}

/** The id says nothing of the messages that came with the header: others would make a good block look bad. */
function expectWhole({ signed: { header }, envelopes }: Block): void {
  const { height, count, root } = header
  if (count !== envelopes.length || !equal(root, rootOf(envelopes.map(leafHash))))
    throw InvalidAnswer.fault({
      kind: 'root',
      height,
      detail: 'the messages are not those that the header names'
    })
}
