import { setMaxListeners } from 'node:events'
import type { Block } from '../../core/block.js'
import { equal, type PeerIdBytes } from '../../core/bytes.js'
import { describeError, type Report } from '../../core/events.js'
import { peerIdToString } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import { untilAborted, Wakeup } from '../../lifecycle/waiting.js'
import type { CheckedMessages } from './block-importer.js'

/** A neighbour, and the last block that it says it has. */
export interface BlockSource {
  readonly peer: PeerIdBytes
  /** As limits count hosts. */
  readonly host: string
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

/** Numbers that a source is asked for at once. */
interface Part {
  readonly from: number
  readonly to: number
}

/**
 * Fetches blocks from several neighbours at once and hands them on in order. Holds no more of them than a window. A source
 * on which all others wait is overtaken: one of them fetches the same blocks, and from then on those that are not slow
 * come first. So no peer can delay the others by giving blocks as slowly as one may. Names are free: who has brought no
 * block yet is as slow as others of its host were.
 */
export class OrderedFetch {
  readonly #fetched = new Map<number, Fetched>()
  /** Which source has brought the fetched numbers, and is to bring those that are being fetched. */
  readonly #claimed = new Map<number, BlockSource>()
  /** Those that have nothing to fetch now. */
  readonly #idle = new Set<BlockSource>()
  /** Those of which a block was taken. */
  readonly #proven = new Set<BlockSource>()
  /** Those that were overtaken, and the hosts of those that were, or are asked no more. */
  readonly #slow = new Set<BlockSource>()
  readonly #slowHosts = new Set<string>()
  /** How long others had nothing to do because of a source, ms. */
  readonly #waited = new Map<BlockSource, number>()
  /** What sources fetch in place of others. */
  readonly #overtaking = new Map<BlockSource, Part>()
  /** How often the number that is due has been overtaken. */
  #overtakes = 0
  /** Something may be fetched that could not be before. */
  readonly #changed = new Wakeup()
  /** What is due has come, or a peer could fetch it. */
  readonly #due = new Wakeup()
  /** Ends the fetching when the taking has ended. */
  readonly #over = new AbortController()
  readonly #signal: AbortSignal
  readonly #dropped = new Set<BlockSource>()
  readonly #sources: BlockSource[] = []
  readonly #fetchers: Promise<void>[] = []
  /** How many of them go on. */
  #fetching = 0
  /** The number that is due. */
  #next: number

  constructor(
    private readonly options: OrderedFetchOptions,
    stopping: AbortSignal
  ) {
    this.#signal = AbortSignal.any([stopping, this.#over.signal])
    // One for each source that has nothing to fetch now.
    setMaxListeners(0, this.#signal)
    this.#next = options.from
  }

  /** Resolves when the last block was taken, when nobody has more, or when nothing goes on. */
  async run(): Promise<void> {
    const { sources, to } = this.options
    for (const source of sources) this.add(source)
    try {
      while (!this.#signal.aborted && this.#next <= to) {
        const fetched = this.#fetched.get(this.#next)
        if (fetched !== undefined) {
          if (!(await this.#take(fetched))) return
        } else if (this.#fetching === 0) return
        else await this.#waitForNext()
      }
    } finally {
      this.#over.abort()
      await Promise.allSettled(this.#fetchers)
    }
  }

  /** One more that has some of the blocks. A peer that was asked before keeps its place when it comes again. */
  add(source: BlockSource): void {
    if (this.#signal.aborted || this.#sources.some(({ peer }) => equal(peer, source.peer))) return
    this.#sources.push(source)
    this.#fetching += 1
    const fetcher = this.#fetchAll(source).finally(() => {
      this.#fetching -= 1
      this.#due.wake()
    })
    this.#fetchers.push(fetcher)
  }

  async #take({ block, checked, source }: Fetched): Promise<boolean> {
    const turn = await this.options.take(block, checked, source.peer)
    const number = this.#next
    if (turn.kind === 'taken') {
      this.#next += 1
      this.#overtakes = 0
      this.#proven.add(source)
    }
    this.#release(number)
    if (turn.kind === 'untrue') this.#drop(source, turn.why)
    return turn.kind !== 'stop'
  }

  async #waitForNext(): Promise<void> {
    const holder = this.#claimed.get(this.#next)
    const other = holder && this.#idleBeside(holder)
    if (holder === undefined || other === undefined) return this.#due.wait(this.#signal)
    if (this.#isSlow(holder) && !this.#isSlow(other)) return this.#overtake(holder, other)
    const waited = this.#waited.get(holder) ?? 0
    // A block that no peer gives fast may be long: it is asked for less and less often.
    const left = LIMITS.overtakeMs * 2 ** this.#overtakes - waited
    if (left <= 0) return this.#overtake(holder, other)
    const began = performance.now()
    await this.#due.wait(this.#signal, left)
    this.#waited.set(holder, waited + performance.now() - began)
  }

  /** One that could fetch what is due: if there is such a one, not slow, and known to give blocks, or of another host. */
  #idleBeside(holder: BlockSource): BlockSource | undefined {
    const able = [...this.#idle].filter(source => source !== holder && source.last >= this.#next)
    const fast = able.filter(source => !this.#isSlow(source))
    const proven = fast.find(source => this.#proven.has(source))
    return proven ?? fast.find(({ host }) => host !== holder.host) ?? fast[0] ?? able[0]
  }

  /** From the number that is due on, whatever `holder` is still to bring. What that one brings first counts all the same. */
  #overtake(holder: BlockSource, other: BlockSource): void {
    const from = this.#next
    let to = from
    while (to < other.last && this.#claimed.get(to + 1) === holder && !this.#fetched.has(to + 1)) to += 1
    for (let number = from; number <= to; number += 1) this.#claimed.set(number, other)
    this.#overtaking.set(other, { from, to })
    this.#overtakes += 1
    this.#waited.delete(holder)
    this.#slow.add(holder)
    this.#slowHosts.add(holder.host)
    this.#idle.delete(other)
    this.#changed.wake()
  }

  async #fetchAll(source: BlockSource): Promise<void> {
    const { fetch, check } = this.options
    const isOver = (): boolean => this.#signal.aborted || this.#dropped.has(source)
    while (!isOver()) {
      const part = this.#partFor(source)
      if (part === undefined) {
        if (this.#next > source.last) return
        this.#idle.add(source)
        this.#due.wake()
        await this.#changed.wait(this.#signal)
        this.#idle.delete(source)
        continue
      }
      let next = part.from
      try {
        const blocks = fetch(source.peer, part.from, part.to - part.from + 1)
        for await (const block of untilAborted(blocks, this.#signal)) {
          if (isOver() || part.to < this.#next) break
          if (next >= this.#next && !this.#fetched.has(next)) {
            const checked = check(block)
            // Awaited when its turn comes; until then it has no listener.
            checked.catch(() => undefined)
            this.#fetched.set(next, { block, checked, source })
            this.#claimed.set(next, source)
          }
          next += 1
          this.#due.wake()
        }
        if (next === part.from && !isOver() && part.to >= this.#next)
          throw new Error(`it has no block ${next}, though it said that it has ${source.last}`)
      } catch (error) {
        this.#drop(source, describeError(error))
      } finally {
        for (let number = next; number <= part.to; number += 1)
          if (this.#claimed.get(number) === source) this.#release(number)
      }
    }
  }

  #partFor(source: BlockSource): Part | undefined {
    const part = this.#overtaking.get(source)
    this.#overtaking.delete(source)
    return part ?? this.#claim(source)
  }

  /** The lowest numbers that are not being fetched and that a source has, where there is room and no other one is to come first. */
  #claim(source: BlockSource): Part | undefined {
    if (this.#isSlow(source) && this.#sources.some(other => this.#comesFirst(other))) return undefined
    const last = Math.min(source.last, this.options.to, this.#next - 1 + LIMITS.syncWindow)
    let from = this.#next
    while (from <= last && this.#claimed.has(from)) from += 1
    if (from > last) return undefined
    let to = from
    while (to < last && to - from + 1 < LIMITS.syncBlocks && !this.#claimed.has(to + 1)) to += 1
    for (let claimed = from; claimed <= to; claimed += 1) this.#claimed.set(claimed, source)
    return { from, to }
  }

  #isSlow(source: BlockSource): boolean {
    return this.#slow.has(source) || (this.#slowHosts.has(source.host) && !this.#proven.has(source))
  }

  #comesFirst(source: BlockSource): boolean {
    return !this.#isSlow(source) && !this.#dropped.has(source) && source.last >= this.#next
  }

  #release(number: number): void {
    this.#fetched.delete(number)
    this.#claimed.delete(number)
    this.#changed.wake()
    this.#due.wake()
  }

  /** Asks it no more, and asks others for what it served. */
  #drop(source: BlockSource, why: string): void {
    if (this.#dropped.has(source) || this.#signal.aborted) return
    this.#dropped.add(source)
    this.#slowHosts.add(source.host)
    const name = peerIdToString(source.peer)
    this.options.report({ event: 'warning', message: `${name} is asked for no more blocks now: ${why}` })
    this.#overtaking.delete(source)
    for (const [number, holder] of [...this.#claimed]) if (holder === source) this.#release(number)
    // Those that came after it may be the only ones now.
    this.#changed.wake()
  }
}
