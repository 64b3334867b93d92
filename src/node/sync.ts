import type { Chain } from '../chain/chain.js'
import type { Rules } from '../chain/cursor.js'
import type { Block, CheckpointedHeader } from '../core/block.js'
import { equal, type PeerIdBytes } from '../core/bytes.js'
import { describeFault } from '../core/fault.js'
import { peerIdToString, VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { leafHash, rootOf } from '../core/merkle.js'
import { sequencerOf } from '../core/network-document.js'
import type { GossipVerdict, Host } from '../network/host.js'
import { Asker } from './asker.js'
import type { BlockImporter, CheckedMessages } from './block-importer.js'
import { BlockReader } from './block-reader.js'
import { describeError, type Report } from './events.js'
import type { Neighbours } from './neighbours.js'
import type { Service } from './service.js'
import { Wakeup } from './waiting.js'
import type { Witness } from './witness.js'

export interface SyncOptions {
  readonly host: Host
  readonly topic: string
  readonly rules: Rules
  readonly chain: Chain
  readonly importer: BlockImporter
  readonly neighbours: Neighbours
  readonly now: () => number
  readonly report: Report
  /** Hears of each block that the chain has grown by. */
  readonly extended: (signed: CheckpointedHeader) => void
  /** Is shown what is signed and cannot stand in the chain. */
  readonly witness: Pick<Witness, 'examine' | 'examineBlock'>
  /** Hears of what a follower cannot go on after, once. */
  readonly failed: (error: Error) => void
}

interface Fetched {
  readonly block: Block
  readonly checked: Promise<CheckedMessages>
  readonly source: Source
}

/**
 * Keeps the chain of a follower level with its neighbours: new blocks come by gossip, missed ones are asked
 * for, from several neighbours at once. A neighbour that serves what does not hold is not asked again in
 * that round; what it served is asked of another one.
 */
export class Sync implements Service {
  readonly #stopping = new AbortController()
  readonly #reader: BlockReader
  readonly #due = new Wakeup()
  #isDue = true
  #hasToldOfRollback = false
  readonly #sequencer: PeerIdBytes
  #running: Promise<void> | undefined

  constructor(private readonly options: SyncOptions) {
    this.#reader = new BlockReader(options.rules, new VerifierCache())
    this.#sequencer = sequencerOf(options.rules.network)
  }

  async start(): Promise<void> {
    const { host, topic } = this.options
    if (this.#stopping.signal.aborted) return
    host.subscribe(topic, (_, data) => this.#hear(data))
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    const { importer } = this.options
    this.halt()
    await this.#running
    await importer.settled()
  }

  /** Takes no more blocks, from now on. */
  halt(): void {
    if (this.#stopping.signal.aborted) return
    const { host, topic } = this.options
    this.#stopping.abort(new Error('no more blocks are taken'))
    host.unsubscribe(topic)
  }

  /** Asks the neighbours soon. */
  wake(): void {
    this.#isDue = true
    this.#due.wake()
  }

  /** A block from gossip goes on to others only once it stands in our chain. */
  async #hear(data: Uint8Array): Promise<GossipVerdict> {
    if (this.#stopping.signal.aborted) return 'ignore'
    let block: Block
    try {
      block = this.#reader.block(data)
    } catch {
      return 'reject'
    }
    const { importer, chain, extended, witness } = this.options
    const { height, parent } = block.signed.header
    const head = chain.head()
    if (height > head.header.height + 1) {
      this.wake()
      return 'ignore'
    }
    // Before anything is verified at length: what cannot be new costs nothing, however often it comes.
    if (height <= head.header.height || !equal(parent, head.id)) {
      witness.examine(block.signed)
      return 'ignore'
    }
    if (!isWhole(block)) return 'reject'
    try {
      const imported = await importer.import(block, importer.check(block))
      switch (imported.kind) {
        case 'extended':
          extended(imported.signed)
          // Others take what is passed on for verified in full.
          return importer.isFull ? 'accept' : 'ignore'
        case 'known':
        case 'beside':
        case 'reorganized':
          return 'ignore'
        case 'orphan':
          this.wake()
          return 'ignore'
        case 'conflict':
          witness.examine(block.signed)
          return 'ignore'
        case 'invalid':
          witness.examineBlock(block)
          return 'reject'
      }
    } catch (error) {
      this.#fail(error)
      return 'ignore'
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#isDue = false
      try {
        await this.#level()
      } catch (error) {
        return this.#fail(error)
      }
      if (this.#isDue) continue
      await this.#due.wait(signal, LIMITS.syncMs)
    }
  }

  /** One round: asks all neighbours how far they are, and fetches what is missing here. */
  async #level(): Promise<void> {
    const { neighbours, chain, report, witness } = this.options
    const round = new Map<string, { readonly peer: PeerIdBytes; readonly height: number }>()
    await Promise.all(
      neighbours.all().map(async peer => {
        try {
          const asker = this.#asker(peer)
          const held = chain.head().header.height
          const { height, id } = await asker.claimedHead()
          if (height < held && equal(peer, this.#sequencer)) this.#tellOfRollback(height, held)
          if (height > chain.head().header.height) round.set(peerIdToString(peer), { peer, height })
          else if (!equal(chain.headerAt(height)?.id ?? id, id)) witness.examine(await asker.headerAt(height))
        } catch {
          // It is no use now; the next round asks again.
        }
      })
    )
    if (round.size === 0 || this.#stopping.signal.aborted) return
    const from = chain.head().header.height
    const to = Math.max(...[...round.values()].map(({ height }) => height))
    if (to - from > 1) report({ event: 'syncing', height: from, target: to })
    await new Round(this.options, [...round.values()], this.#stopping.signal, peer => this.#asker(peer)).run()
    if (to - from > 1) report({ event: 'syncing', height: chain.head().header.height, target: to })
  }

  /** An older head proves nothing by itself; the next block that is signed on top of it will. */
  #tellOfRollback(height: number, held: number): void {
    if (this.#hasToldOfRollback) return
    this.#hasToldOfRollback = true
    this.options.report({
      event: 'warning',
      message: `THE SEQUENCER HAS ROLLED BACK: it shows block ${height} as its head, and has signed block ${held}, which is kept here`
    })
  }

  #asker(peer: PeerIdBytes): Asker {
    const { host, rules, now } = this.options
    return new Asker(host, peer, rules, now)
  }

  #fail(error: unknown): void {
    if (this.#stopping.signal.aborted) return
    this.options.failed(error instanceof Error ? error : new Error(String(error)))
  }
}

/** Whether these are the messages that its header names. */
function isWhole({ signed: { header }, envelopes }: Block): boolean {
  return header.count === envelopes.length && equal(header.root, rootOf(envelopes.map(leafHash)))
}

interface Source {
  readonly peer: PeerIdBytes
  /** What it says it has. */
  readonly height: number
}

/** Fetching from several neighbours at once, importing in order. Holds no more blocks than a window. */
class Round {
  readonly #fetched = new Map<number, Fetched>()
  /** Heights that are fetched or being fetched. */
  readonly #claimed = new Set<number>()
  readonly #changed = new Wakeup()
  /** Ends the fetching when the importing has ended. */
  readonly #over = new AbortController()
  readonly #signal: AbortSignal
  readonly #dropped = new Set<Source>()
  #reported: number

  constructor(
    private readonly options: SyncOptions,
    private readonly sources: readonly Source[],
    stopping: AbortSignal,
    private readonly askerOf: (peer: PeerIdBytes) => Asker
  ) {
    this.#signal = AbortSignal.any([stopping, this.#over.signal])
    this.#reported = this.#height
  }

  async run(): Promise<void> {
    let fetching = this.sources.length
    const fetchers = this.sources.map(source =>
      this.#fetchAll(source).finally(() => {
        fetching -= 1
        this.#changed.wake()
      })
    )
    try {
      while (!this.#signal.aborted) {
        const next = this.#fetched.get(this.#height + 1)
        if (next !== undefined) {
          if (!(await this.#import(next))) return
        } else if (fetching === 0) return
        else await this.#changed.wait(this.#signal)
      }
    } finally {
      this.#over.abort()
      await Promise.allSettled(fetchers)
    }
  }

  get #height(): number {
    return this.options.chain.head().header.height
  }

  /** False where the chain cannot go on. */
  async #import({ block, checked, source }: Fetched): Promise<boolean> {
    const { importer, extended, witness } = this.options
    const imported = await importer.import(block, checked)
    this.#release(block.signed.header.height)
    switch (imported.kind) {
      case 'extended':
        extended(imported.signed)
        this.#progress()
        return true
      case 'known':
      case 'beside':
      case 'reorganized':
      case 'orphan':
        return true
      case 'conflict':
        witness.examine(block.signed)
        return false
      case 'invalid':
        witness.examineBlock(block)
        this.#drop(source, describeFault(imported.fault))
        return true
    }
  }

  async #fetchAll(source: Source): Promise<void> {
    const asker = this.askerOf(source.peer)
    const isOver = (): boolean => this.#signal.aborted || this.#dropped.has(source)
    while (!isOver()) {
      const part = this.#claim(source.height)
      if (part === undefined) {
        if (this.#height >= source.height) return
        await this.#changed.wait(this.#signal)
        continue
      }
      let next = part.from
      try {
        for await (const block of asker.page(part.from, part.to - part.from + 1)) {
          if (isOver()) break
          const checked = this.options.importer.check(block)
          // Awaited when its turn comes; until then nobody listens.
          checked.catch(() => undefined)
          this.#fetched.set(next, { block, checked, source })
          next += 1
          this.#changed.wake()
        }
        if (next === part.from && !isOver())
          throw new Error(`it has no block ${next}, though it said that it has ${source.height}`)
      } catch (error) {
        this.#drop(source, describeError(error))
      } finally {
        for (let height = next; height <= part.to; height += 1) this.#release(height)
      }
    }
  }

  /** The lowest heights that nobody fetches and that a source of this height has, where there is room. */
  #claim(height: number): { readonly from: number; readonly to: number } | undefined {
    const last = Math.min(height, this.#height + LIMITS.syncWindow)
    let from = this.#height + 1
    while (from <= last && this.#claimed.has(from)) from += 1
    if (from > last) return undefined
    let to = from
    while (to < last && to - from + 1 < LIMITS.syncBlocks && !this.#claimed.has(to + 1)) to += 1
    for (let claimed = from; claimed <= to; claimed += 1) this.#claimed.add(claimed)
    return { from, to }
  }

  #release(height: number): void {
    this.#fetched.delete(height)
    this.#claimed.delete(height)
    this.#changed.wake()
  }

  /** Asks it no more in this round, and asks others for what it served. */
  #drop(source: Source, why: string): void {
    if (this.#dropped.has(source) || this.#signal.aborted) return
    this.#dropped.add(source)
    const name = peerIdToString(source.peer)
    this.options.report({ event: 'warning', message: `${name} is asked for no more blocks now: ${why}` })
    for (const [height, fetched] of [...this.#fetched]) if (fetched.source === source) this.#release(height)
  }

  #progress(): void {
    const height = this.#height
    if (height - this.#reported < PROGRESS_BLOCKS) return
    this.#reported = height
    const target = Math.max(...this.sources.map(source => source.height))
    this.options.report({ event: 'syncing', height, target })
  }
}

const PROGRESS_BLOCKS = 500
