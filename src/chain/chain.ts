import { type Block, type CheckpointedHeader, encodeBlock } from '../core/block.js'
import { equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import { type Fault, isPassingFault } from '../core/fault.js'
import type { Frontier } from '../core/merkle.js'
import type { StakeView } from '../core/stakes.js'
import type { Rules } from '../rules/rules.js'
import { type Candidate, type MessageName, nameIn, nameOf } from './candidate.js'
import { ChainReader } from './chain-reader.js'
import { chooseValid } from './choice.js'
import {
  advance,
  type Cursor,
  cursorAfter,
  type Draft,
  type DraftMessages,
  draft,
  verifyHeader
} from './cursor.js'
import { duplicateIn } from './duplicates.js'
import { FirstFailure } from './first-failure.js'
import type { ForkNode, ForkTree } from './fork-tree.js'
import { InvalidBlocks } from './invalid-blocks.js'
import type { LogTree } from './log-tree.js'
import type { Mempool } from './mempool.js'
import { type OpenedChain, openChain } from './opening.js'
import type { KeptState, RecentStates } from './recent-states.js'
import { attachment, detachment } from './reorg-writes.js'
import { type Database, headerWrites, keys, type Write, writeDurably, writeLazily } from './store.js'
import { View } from './view.js'

export type ImportResult =
  /** The head has moved to this block, whose parent was the head. */
  | { readonly kind: 'extended'; readonly signed: CheckpointedHeader }
  /** The head has moved to this block of a heavier branch; `depth` blocks have left the main chain. */
  | {
      readonly kind: 'reorganized'
      readonly signed: CheckpointedHeader
      readonly from: CheckpointedHeader
      readonly depth: number
    }
  /** It is valid and stands beside the main chain. */
  | { readonly kind: 'side' }
  | { readonly kind: 'known' }
  /** Its parent is not known. */
  | { readonly kind: 'orphan' }
  /** It forks off deeper than any reorg may reach; `ours` stands at its height. */
  | { readonly kind: 'conflict'; readonly ours: CheckpointedHeader }
  | { readonly kind: 'invalid'; readonly fault: Fault }

/**
 * The verified chain of blocks over the log of messages, on disk, and the branches beside it. One writer:
 * `import` and `append` must not overlap. What `head` names is on disk, with all its messages.
 */
export class Chain extends ChainReader {
  readonly #forks: ForkTree
  readonly #condemned = new InvalidBlocks()
  readonly #states: RecentStates
  #tree: LogTree
  #view: View
  readonly #failure = new FirstFailure()

  private constructor(
    rules: Rules,
    database: Database,
    private readonly pool: Mempool | undefined,
    opened: OpenedChain
  ) {
    super(rules, database)
    this.#forks = opened.forks
    this.#states = opened.states
    this.#view = new View(database)
    this.#tree = opened.tree.readFrom(this.#view)
  }

  /**
   * Verifies all that is on disk before anybody is served from it. `pool`: where messages wait that have no
   * position yet. Throws StoreError naming the first fault.
   */
  static async open(database: Database, rules: Rules, pool?: Mempool): Promise<Chain> {
    return new Chain(rules, database, pool, await openChain(database, rules))
  }

  head(): CheckpointedHeader {
    return this.#cursor.signed
  }

  /** After the head. */
  get state(): unknown {
    return this.#cursor.state
  }

  /** After a block of the main chain that is not far below the head; undefined for others. */
  stateAt(height: number): KeptState | undefined {
    return this.#states.at(height)
  }

  /** The lowest height whose state is kept. */
  get oldestState(): number {
    return this.#states.oldest
  }

  /** Of all blocks up to the head. */
  weight(): bigint {
    return this.#cursor.weight
  }

  /** A block that a branch may go on from: on the main chain as deep as a reorg may go, or beside it. */
  place(id: Hash): Pick<Cursor, 'signed' | 'ancestors' | 'weight'> | undefined {
    return this.#forks.get(id)?.cursor
  }

  /** The lowest block that a branch may fork off. */
  get root(): CheckpointedHeader {
    return this.#forks.root.cursor.signed
  }

  /** What becomes of a block by its header alone, whatever is in it; undefined where that is to be seen. */
  foresee(signed: CheckpointedHeader, now: number): ImportResult | undefined {
    const parent = this.#parentOf(signed)
    if ('kind' in parent) return parent
    const stakes = (): StakeView => this.rules.application.stakes(parent.cursor.state)
    const fault = verifyHeader(parent.cursor, signed, this.rules, stakes, now)
    return fault && this.#refuse(signed.id, fault)
  }

  /** Whether a block is known not to be valid, or to descend from one that is not. */
  isKnownInvalid(id: Hash): boolean {
    return this.#condemned.has(id)
  }

  /** On the main chain or beside it. */
  override headerById(id: Hash): CheckpointedHeader | undefined {
    return super.headerById(id) ?? this.#forks.get(id)?.cursor.signed
  }

  /** A block of the main chain or beside it, as it goes over the wire; undefined where it has been let go. */
  override async encodedBlock(signed: CheckpointedHeader): Promise<Uint8Array | undefined> {
    const ours = this.headerAt(signed.header.height)
    if (ours !== undefined && equal(ours.id, signed.id)) return super.encodedBlock(signed)
    const node = this.#forks.get(signed.id)
    return node && this.#view.getSync(sideKey(node))
  }

  /** The edge of the log before a block, on the main chain or beside it. */
  frontierBefore({ id, header: { size, count } }: CheckpointedHeader): Frontier {
    return this.#forks.get(id)?.parent?.cursor.frontier ?? this.frontierAt(size - count)
  }

  /** The next block over messages that the journal holds on disk already. */
  draft(messages: DraftMessages, producer: PeerIdBytes, now: number): Draft {
    return draft(this.#cursor, messages, producer, this.rules, now)
  }

  /** The next block over messages that wait in the pool; undefined while none is due. */
  propose(producer: PeerIdBytes, now: number): Draft | undefined {
    const { ordering } = this.rules
    const due = (pending: number): number | undefined => ordering.due(this.head().header, pending, now, now)
    const most = due(this.pool?.size ?? 0)
    if (most === undefined) return undefined
    const chosen = chooseValid(this.pool?.waiting() ?? [], most, this.rules.application, this.state)
    if (due(chosen.length) === undefined) return undefined
    const envelopes = chosen.map(({ envelope }) => envelope)
    const leaves = chosen.map(({ leaf }) => leaf)
    return this.draft({ envelopes, leaves }, producer, now)
  }

  /**
   * Moves the head to an own draft, once signed. The messages are in the journal: the header is missing, and what comes
   * with it. `write` resolves when all of that is on disk and others may see the block.
   */
  async append(
    own: Draft,
    signed: CheckpointedHeader,
    write: (writes: readonly Write[]) => Promise<void>
  ): Promise<void> {
    const cursor = cursorAfter(this.#cursor, own, signed, this.rules)
    const { tree, writes } = this.#tree.extend(own.leaves)
    await this.#failure.guard(() => write([...writes, ...headerWrites(signed)]))
    this.#states.follow(this.#forks.extend(cursor))
    this.#show(tree)
  }

  /**
   * Takes a block from elsewhere, whose header has been read and whose messages' signatures have been checked.
   * Throws where it cannot be written; from then on nothing is taken.
   * `names`: of its messages, in order, where whoever checked them knows; reading them again takes long.
   */
  async import(block: Block, now: number, names?: readonly MessageName[]): Promise<ImportResult> {
    this.#failure.expectNone()
    const { header, id } = block.signed
    const parent = this.#parentOf(block.signed)
    if ('kind' in parent) return parent
    const advanced = advance(parent.cursor, block, this.rules, now)
    if (!advanced.ok) return this.#refuse(id, advanced.fault)
    const named = names ?? block.envelopes.map(nameIn)
    const duplicate = duplicateIn(this.database, parent, named)
    if (duplicate !== undefined)
      return this.#refuse(id, {
        kind: 'duplicate',
        height: header.height,
        position: header.size - header.count + duplicate,
        detail: 'its author has used this sequence before'
      })
    if (!this.#forks.isPreferred(advanced.cursor))
      return this.#keepOnSide(parent, advanced.cursor, block, named)
    const node = this.#forks.add(parent, advanced.cursor, new Set(named.map(nameOf)))
    return this.#reorgTo(node, candidatesOf(block, advanced.leaves, named))
  }

  /** Remembers that no valid chain holds this block. Its header must commit to what is wrong with it. */
  markInvalid(id: Hash): void {
    this.#condemned.add(id)
  }

  protected override get tree(): LogTree {
    return this.#tree
  }

  protected override get view(): View {
    return this.#view
  }

  get #cursor(): Cursor {
    return this.#forks.head.cursor
  }

  /** The parent of a block that may be taken, or what becomes of it otherwise. */
  #parentOf({ header, id }: CheckpointedHeader): ForkNode | ImportResult {
    if (this.#forks.get(id) !== undefined) return { kind: 'known' }
    const ours = this.headerAt(header.height)
    if (ours !== undefined && equal(ours.id, id)) return { kind: 'known' }
    if (this.#condemned.has(id) || this.#condemned.has(header.parent))
      return this.#refuse(id, {
        kind: 'parent',
        height: header.height,
        detail: 'it is, or descends from, a block that is not valid'
      })
    const parent = this.#forks.get(header.parent)
    if (parent !== undefined) return parent
    const { height } = this.root.header
    if (header.height > height + 1) return { kind: 'orphan' }
    if (ours !== undefined) return { kind: 'conflict', ours }
    return {
      kind: 'invalid',
      fault: { kind: 'parent', height: header.height, detail: `its parent is not block ${height}` }
    }
  }

  async #keepOnSide(
    parent: ForkNode,
    cursor: Cursor,
    block: Block,
    names: readonly MessageName[]
  ): Promise<ImportResult> {
    const dropped = this.#forks.makeRoom(parent, cursor.weight)
    // Valid, and forgotten: if it is ever part of the best chain it is asked for again.
    if (dropped === undefined) return { kind: 'side' }
    const node = this.#forks.add(parent, cursor, new Set(names.map(nameOf)))
    await this.#write(writeLazily, [
      ...dropped.map(deletionOf),
      { type: 'put', key: sideKey(node), value: encodeBlock(block) }
    ])
    this.#show(this.#tree)
    return { kind: 'side' }
  }

  /**
   * Moves the head in one synced batch: what leaves the main chain, what joins it, and the messages that return
   * to the pool or have left it. A crash before it leaves the old head, with all that belongs to it.
   */
  async #reorgTo(node: ForkNode, messages: readonly Candidate[]): Promise<ImportResult> {
    const from = this.head()
    const plan = this.#forks.reorgTo(node)
    const cut = this.#tree.truncate(plan.fork.cursor.signed.header.size)
    const joined = await attachment(this.database, plan.attached, messages, cut.tree, this.pool)
    const left = await detachment(this.database, plan.detached, joined.names)
    await this.#write(writeDurably, [...left.writes, ...cut.writes, ...joined.writes])
    this.pool?.settle({ returned: left.returned, ordered: joined.names })
    const dropped = this.#forks.follow(plan, left.names)
    this.#states.follow(plan)
    this.#show(joined.tree)
    await this.#write(writeLazily, dropped.map(deletionOf))
    const { signed } = node.cursor
    const depth = plan.detached.length
    return depth === 0 ? { kind: 'extended', signed } : { kind: 'reorganized', signed, from, depth }
  }

  /** What is on disk now is what others are to see. Called in the same turn as the head moves. */
  #show(tree: LogTree): void {
    const before = this.#view
    this.#view = new View(this.database)
    this.#tree = tree.readFrom(this.#view)
    void before.close()
  }

  #write(how: typeof writeDurably, writes: readonly Write[]): Promise<void> {
    return this.#failure.guard(() => how(this.database, writes))
  }

  #refuse(id: Hash, fault: Fault): ImportResult {
    if (isCommitted(fault)) this.#condemned.add(id)
    return { kind: 'invalid', fault }
  }
}

/** Whether the header commits to the fault: it stays one whoever brings the block, whenever. */
function isCommitted(fault: Fault): boolean {
  return !isPassingFault(fault) && !['count', 'root'].includes(fault.kind)
}

function sideKey({ cursor: { signed } }: ForkNode): Uint8Array {
  return keys.side(signed.header.height, signed.id)
}

function deletionOf(node: ForkNode): Write {
  return { type: 'del', key: sideKey(node) }
}

function candidatesOf(
  { envelopes }: Block,
  leaves: readonly Hash[],
  names: readonly MessageName[]
): Candidate[] {
  return envelopes.map((envelope, index) => {
    const leaf = leaves[index]
    const name = names[index]
    if (leaf === undefined || name === undefined) throw new RangeError('a message has a leaf and a name')
    return { envelope, leaf, author: name.author, sequence: name.sequence }
  })
}
