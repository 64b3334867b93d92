import type { Chain } from '../../chain/chain.js'
import type { Block, CheckpointedHeader } from '../../core/block.js'
import { equal, type PeerIdBytes } from '../../core/bytes.js'
import type { Report } from '../../core/events.js'
import { describeFault } from '../../core/fault.js'
import { peerIdToString, VerifierCache } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import { sequencerOf } from '../../core/network.js'
import type { Service } from '../../lifecycle/service.js'
import { unlessAborted, Wakeup, within } from '../../lifecycle/waiting.js'
import type { GossipVerdict, Host } from '../../network/host.js'
import type { PersistentPeers } from '../../network/persistent-peers.js'
import { BlockQueries } from '../../query/block-queries.js'
import { BlockReader } from '../../query/block-reader.js'
import { isFalseAnswer } from '../../query/query-errors.js'
import type { Rules } from '../../rules/rules.js'
import { NotValidated } from '../../validation/validation-pool.js'
import type { EquivocationDetector } from '../evidence/equivocation-detector.js'
import { type BlockImporter, isWhole } from './block-importer.js'
import { type BlockSource, OrderedFetch } from './ordered-fetch.js'

export interface SyncOptions {
  readonly host: Host
  readonly topic: string
  readonly rules: Rules
  readonly chain: Chain
  readonly importer: BlockImporter
  readonly neighbours: PersistentPeers
  readonly now: () => number
  readonly report: Report
  /** Hears of each block that the chain has grown by. */
  readonly extended: (signed: CheckpointedHeader) => void
  /** Is shown what is signed and cannot stand in the chain. */
  readonly detector: Pick<EquivocationDetector, 'examine' | 'examineBlock'>
  /** Hears of what a follower cannot go on after, once. */
  readonly failed: (error: Error) => void
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
  /** What is under way. */
  #fetching: OrderedFetch | undefined
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

  /** A neighbour has come that may have what is being fetched from others. */
  joined(peer: PeerIdBytes): void {
    this.wake()
    const fetching = this.#fetching
    if (fetching === undefined) return
    // A peer that does not answer is asked again in the next round.
    this.#asker(peer)
      .claimedHead()
      .then(({ height }) =>
        fetching.add({ peer, host: this.options.host.bringerOf(peer).host, last: height })
      )
      .catch(() => undefined)
  }

  /** A block from gossip goes on to others only once it stands in our chain. */
  async #hear(data: Uint8Array): Promise<GossipVerdict> {
    if (this.#stopping.signal.aborted) return 'ignore'
    let block: Block
    try {
      block = this.#reader.block(data)
    } catch (error) {
      if (isFalseAnswer(error)) return 'reject'
      throw error
    }
    const { importer, chain, extended, detector } = this.options
    const { height, parent } = block.signed.header
    const head = chain.head()
    // A header that was signed once would do for any number of other messages, each of them read. No honest peer sends them.
    const verdict: GossipVerdict = isWhole(block) ? 'ignore' : 'reject'
    if (height > head.header.height + 1) {
      this.wake()
      return verdict
    }
    // Before anything is verified at length: what cannot be new costs little, however often it comes.
    if (height <= head.header.height || !equal(parent, head.id)) {
      detector.examine(block.signed)
      return verdict
    }
    if (verdict === 'reject') return verdict
    try {
      const imported = await importer.import(block, importer.check(block))
      switch (imported.kind) {
        case 'extended':
          extended(imported.signed)
          // Others take what is passed on for verified in full.
          return importer.isFull ? 'accept' : 'ignore'
        case 'known':
        case 'side':
        case 'reorganized':
          return 'ignore'
        case 'orphan':
          this.wake()
          return 'ignore'
        case 'conflict':
          detector.examine(block.signed)
          return 'ignore'
        case 'invalid':
          detector.examineBlock(block)
          return 'reject'
      }
    } catch (error) {
      this.#fail(error)
      return 'later'
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#isDue = false
      try {
        await this.#level()
      } catch (error) {
        // The pool has told of it. The next round tries again.
        if (!(error instanceof NotValidated)) return this.#fail(error)
      }
      if (this.#isDue) continue
      await this.#due.wait(signal, LIMITS.syncMs)
    }
  }

  /** One round: asks all neighbours how far they are, and fetches what is missing here. */
  async #level(): Promise<void> {
    const { host, neighbours, chain, report, detector } = this.options
    const round = new Map<string, { readonly peer: PeerIdBytes; readonly height: number }>()
    const asked = neighbours.all().map(async peer => {
      const asker = this.#asker(peer)
      const held = chain.head().header.height
      const { height, id } = await asker.claimedHead()
      if (height < held && equal(peer, this.#sequencer)) this.#tellOfRollback(height, held)
      if (height > chain.head().header.height) round.set(peerIdToString(peer), { peer, height })
      else if (!equal(chain.headerAt(height)?.id ?? id, id)) detector.examine(await asker.headerAt(height))
    })
    // A peer that does not answer delays no other; the next round asks again.
    const late = within(LIMITS.claimMs, this.#stopping.signal)
    await Promise.allSettled(asked.map(each => unlessAborted(each, late)))
    if (round.size === 0 || this.#stopping.signal.aborted) return
    const from = chain.head().header.height
    const to = Math.max(...[...round.values()].map(({ height }) => height))
    if (to - from > 1) report({ event: 'syncing', height: from, target: to })
    await this.#fetch(
      [...round.values()].map(({ peer, height }) => ({
        peer,
        host: host.bringerOf(peer).host,
        last: height
      })),
      from + 1,
      to
    )
    if (to - from > 1) report({ event: 'syncing', height: chain.head().header.height, target: to })
  }

  async #fetch(sources: readonly BlockSource[], from: number, to: number): Promise<void> {
    const { importer, report, detector, extended } = this.options
    let reported = from
    const fetching = new OrderedFetch(
      {
        sources,
        from,
        to,
        report,
        fetch: (peer, first, count) => this.#asker(peer).page(first, count),
        check: block => importer.check(block),
        take: async (block, checked) => {
          const imported = await importer.import(block, checked)
          switch (imported.kind) {
            case 'extended': {
              extended(imported.signed)
              const { height } = imported.signed.header
              if (height - reported >= PROGRESS_BLOCKS) {
                report({ event: 'syncing', height, target: to })
                reported = height
              }
              return { kind: 'taken' }
            }
            case 'known':
              return { kind: 'taken' }
            case 'conflict':
              detector.examine(block.signed)
              return { kind: 'stop' }
            case 'invalid':
              detector.examineBlock(block)
              return { kind: 'untrue', why: describeFault(imported.fault) }
            case 'orphan':
            case 'side':
            case 'reorganized':
              return { kind: 'stop' }
          }
        }
      },
      within(LIMITS.roundMs, this.#stopping.signal)
    )
    this.#fetching = fetching
    await fetching.run()
    this.#fetching = undefined
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

  #asker(peer: PeerIdBytes): BlockQueries {
    const { host, rules, now } = this.options
    return new BlockQueries(host, peer, rules, now)
  }

  #fail(error: unknown): void {
    if (this.#stopping.signal.aborted || error instanceof NotValidated) return
    this.options.failed(error instanceof Error ? error : new Error(String(error)))
  }
}

const PROGRESS_BLOCKS = 500
