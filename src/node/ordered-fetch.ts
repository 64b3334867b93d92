import type { Block } from '../core/block.js'
import type { PeerIdBytes } from '../core/bytes.js'
import { peerIdToString } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import type { CheckedMessages } from './block-importer.js'
import { describeError, type Report } from './events.js'
import { untilAborted, Wakeup } from './waiting.js'

/** A neighbour, and the last block that it says it has. */
export interface BlockSource {
  readonly peer: PeerIdBytes
  readonly last: number
}

/**
 * What becomes of a block when its turn comes: the next one is due, another source is asked for the same one
 * and this source for no more, or nothing goes on.
 */
export type Turn =
  | { readonly kind: 'taken' }
  | { readonly kind: 'untrue'; readonly why: string }
  | { readonly kind: 'stop' }

export interface OrderedFetchOptions {
  readonly sources: readonly BlockSource[]
  /** Numbers of the first block and the last one, as the fetcher counts them: heights, or places in a list. */
  readonly from: number
  readonly to: number
  /** Blocks `from`, `from` + 1, … of a source, `count` at most; fewer where it has no more. */
  readonly fetch: (peer: PeerIdBytes, from: number, count: number) => AsyncIterable<Block>
  /** Looks at a block ahead of its turn. */
  readonly check: (block: Block) => Promise<CheckedMessages>
  readonly take: (block: Block, checked: Promise<CheckedMessages>, peer: PeerIdBytes) => Promise<Turn>
  readonly report: Report
}

interface Fetched {
  readonly block: Block
  readonly checked: Promise<CheckedMessages>
  readonly source: BlockSource
}

/** Fetches blocks from several neighbours at once and hands them on in order. Holds no more of them than a window. */
export class OrderedFetch {
  readonly #fetched = new Map<number, Fetched>()
  /** Numbers that are fetched or being fetched. */
  readonly #claimed = new Set<number>()
  readonly #changed = new Wakeup()
  /** Ends the fetching when the taking has ended. */
  readonly #over = new AbortController()
  readonly #signal: AbortSignal
  readonly #dropped = new Set<BlockSource>()
  /** The number that is due. */
  #next: number

  constructor(
    private readonly options: OrderedFetchOptions,
    stopping: AbortSignal
  ) {
    this.#signal = AbortSignal.any([stopping, this.#over.signal])
    this.#next = options.from
  }

  /** Resolves when the last block was taken, when nobody has more, or when nothing goes on. */
  async run(): Promise<void> {
    const { sources, to } = this.options
    let fetching = sources.length
    const fetchers = sources.map(source =>
      this.#fetchAll(source).finally(() => {
        fetching -= 1
        this.#changed.wake()
      })
    )
    try {
      while (!this.#signal.aborted && this.#next <= to) {
        const fetched = this.#fetched.get(this.#next)
        if (fetched !== undefined) {
          if (!(await this.#take(fetched))) return
        } else if (fetching === 0) return
        else await this.#changed.wait(this.#signal)
      }
    } finally {
      this.#over.abort()
      await Promise.allSettled(fetchers)
    }
  }

  async #take({ block, checked, source }: Fetched): Promise<boolean> {
    const turn = await this.options.take(block, checked, source.peer)
    const number = this.#next
    if (turn.kind === 'taken') this.#next += 1
    this.#release(number)
    if (turn.kind === 'untrue') this.#drop(source, turn.why)
    return turn.kind !== 'stop'
  }

  async #fetchAll(source: BlockSource): Promise<void> {
    const { fetch, check } = this.options
    const isOver = (): boolean => this.#signal.aborted || this.#dropped.has(source)
    while (!isOver()) {
      const part = this.#claim(source.last)
      if (part === undefined) {
        if (this.#next > source.last) return
        await this.#changed.wait(this.#signal)
        continue
      }
      let next = part.from
      try {
        const blocks = fetch(source.peer, part.from, part.to - part.from + 1)
        for await (const block of untilAborted(blocks, this.#signal)) {
          if (isOver()) break
          const checked = check(block)
          // Awaited when its turn comes; until then nobody listens.
          checked.catch(() => undefined)
          this.#fetched.set(next, { block, checked, source })
          next += 1
          this.#changed.wake()
        }
        if (next === part.from && !isOver())
          throw new Error(`it has no block ${next}, though it said that it has ${source.last}`)
      } catch (error) {
        this.#drop(source, describeError(error))
      } finally {
        for (let number = next; number <= part.to; number += 1) this.#release(number)
      }
    }
  }

  /** The lowest numbers that nobody fetches and that a source up to `end` has, where there is room. */
  #claim(end: number): { readonly from: number; readonly to: number } | undefined {
    const last = Math.min(end, this.options.to, this.#next - 1 + LIMITS.syncWindow)
    let from = this.#next
    while (from <= last && this.#claimed.has(from)) from += 1
    if (from > last) return undefined
    let to = from
    while (to < last && to - from + 1 < LIMITS.syncBlocks && !this.#claimed.has(to + 1)) to += 1
    for (let claimed = from; claimed <= to; claimed += 1) this.#claimed.add(claimed)
    return { from, to }
  }

  #release(number: number): void {
    this.#fetched.delete(number)
    this.#claimed.delete(number)
    this.#changed.wake()
  }

  /** Asks it no more, and asks others for what it served. */
  #drop(source: BlockSource, why: string): void {
    if (this.#dropped.has(source) || this.#signal.aborted) return
    this.#dropped.add(source)
    const name = peerIdToString(source.peer)
    this.options.report({ event: 'warning', message: `${name} is asked for no more blocks now: ${why}` })
    for (const [number, fetched] of [...this.#fetched]) if (fetched.source === source) this.#release(number)
  }
}
