import type { Chain, ImportResult } from '../../chain/chain.js'
import type { Block } from '../../core/block.js'
import { equal, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { describeError, type Report } from '../../core/events.js'
import { describeFault, isPassingFault } from '../../core/fault.js'
import { LIMITS } from '../../core/limits.js'
import type { HeadClaim } from '../../core/query.js'
import { RateLimiter } from '../../core/rate-limiter.js'
import { FairQueue } from '../../lifecycle/fair-queue.js'
import type { Service } from '../../lifecycle/service.js'
import { unlessAborted, Wakeup, within } from '../../lifecycle/waiting.js'
import { chosenPeers } from '../../network/chosen-peers.js'
import type { GossipVerdict, Host } from '../../network/host.js'
import type { BlockReader } from '../../query/block-reader.js'
import { InvalidAnswer, isFalseAnswer } from '../../query/query-errors.js'
import { NotValidated } from '../../validation/validation-pool.js'
import { BlockArrivals, type Moved } from './block-arrivals.js'
import type { BlockImporter, CheckedMessages } from './block-importer.js'
import { ChainSearch, type Claim, type FoundChain } from './chain-search.js'
import { type ChainSource, isPreferred } from './header-search.js'
import type { OfferOutcome, OfferReason } from './offer.js'
import { OrderedFetch, type Turn } from './ordered-fetch.js'

export interface ForkSyncOptions {
  readonly host: Host
  readonly topic: string
  readonly chain: Chain
  readonly importer: BlockImporter
  readonly reader: BlockReader
  readonly sourceOf: (peer: PeerIdBytes) => ChainSource
  /** ms since 1970. */
  readonly now: () => number
  /** A monotonic clock, ms. */
  readonly clock: () => number
  readonly report: Report
  /** Hears of each move of the head. */
  readonly moved: (moved: Moved) => void
  /** Hears that the other peers have been asked once more. */
  readonly asked: () => void
  /** Hears of what a peer cannot go on after, once. */
  readonly failed: (error: Error) => void
}

/**
 * Keeps a peer on the heaviest valid chain among equals: new blocks come by gossip; where peers have what is
 * better, headers come first, then the blocks of the best headers, from several peers at once.
 */
export class ForkSync implements Service {
  readonly #stopping = new AbortController()
  readonly #due = new Wakeup()
  readonly #arrivals: BlockArrivals
  readonly #search: ChainSearch
  /** Blocks before their parents are cheap to make, as are names that come and go: they do not have the others asked all the time. */
  readonly #wakes = new RateLimiter(LIMITS.wakeRate, 1)
  #isDue = true
  /** Whether anybody has answered yet, and nobody has shown more than is here. */
  #isSynced = false
  #running: Promise<void> = Promise.resolve()
  /** Takes one more source of what is being looked for, or fetched. */
  #join: ((claim: Claim) => void) | undefined
  readonly #hostOf = (peer: PeerIdBytes): string => this.options.host.bringerOf(peer).host
  /** Blocks are fetched by one at a time: first for our own rounds, then for what others offer. */
  readonly #rounds = new FairQueue({ own: 1, others: LIMITS.offers })

  constructor(private readonly options: ForkSyncOptions) {
    const { chain, importer, clock, moved, now } = options
    this.#arrivals = new BlockArrivals(chain, importer, clock, moved, now)
    this.#search = new ChainSearch({ ...options, hostOf: this.#hostOf })
  }

  async start(): Promise<void> {
    const { host, topic } = this.options
    host.subscribe(topic, (from, data) => this.#hear(from, data))
    host.onSubscription(() => this.#wakeForStranger())
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    const { host, topic, importer } = this.options
    this.#stopping.abort(new Error('the peer is stopping'))
    host.unsubscribe(topic)
    await this.#running
    await this.#rounds.stop()
    await importer.settled()
  }

  /** Asks the other peers soon. */
  wake(): void {
    this.#isDue = true
    this.#due.wake()
  }

  /** A peer has come, which may have what is being fetched from others. */
  joined(peer: PeerIdBytes): void {
    this.wake()
    const join = this.#join
    if (join === undefined) return
    // A peer that does not answer is asked again in the next round.
    const asked = this.options.sourceOf(peer).claimedHead()
    asked.then(head => join({ peer, head })).catch(() => undefined)
  }

  #wakeForStranger(): void {
    if (this.#wakes.take('', this.options.clock())) this.wake()
  }

  /** Whether what is built on the head here is built on the best that is known. */
  get isSynced(): boolean {
    return this.#isSynced
  }

  /** Takes a block of our own, as if it came from elsewhere. */
  async importOwn(block: Block): Promise<ImportResult> {
    return this.#arrivals.take(block)
  }

  /** Asks one peer for its chain, and takes it where it is valid and better. */
  async consider(peer: PeerIdBytes, head: HeadClaim, signal: AbortSignal): Promise<OfferOutcome> {
    const { chain } = this.options
    const claim: Claim = { peer, head }
    const bringer = this.options.host.bringerOf(peer)
    const ended = AbortSignal.any([this.#stopping.signal, signal])
    for (;;) {
      let found: Awaited<ReturnType<ChainSearch['find']>>
      try {
        found = await this.#search.find(claim, ended)
      } catch (error) {
        const isInvalid = error instanceof InvalidAnswer
        return notTaken(isInvalid ? 'invalid' : 'unreachable', describeError(error))
      }
      if (found.kind === 'not better' && !found.isWhole)
        return notTaken('unreachable', 'it does not show the chain up to the head that it offers')
      if (found.kind === 'not better')
        return notTaken('not heavier', `the chain here has a weight of ${chain.weight()}`)
      if (found.kind === 'too deep')
        return notTaken(
          'too deep',
          `it leaves the chain here below block ${chain.root.header.height}; ${chain.rules.ordering.maxReorg} blocks may be replaced at most`
        )
      const { headers } = found
      const outcome = await this.#rounds.of(bringer, () => this.#takeOffered(claim, { peer, headers }, ended))
      if (outcome === undefined) return notTaken('unreachable', 'the peer is stopping')
      // A long one is taken in parts, between which others have their turn.
      if (outcome.kind === 'part' && !ended.aborted) continue
      if (outcome.kind === 'part')
        return notTaken('unreachable', 'it did not serve all of its blocks in time')
      if (outcome.kind === 'notTaken' || equal(outcome.id, head.id) || ended.aborted) return outcome
    }
  }

  async #takeOffered(
    claim: Claim,
    found: FoundChain,
    ended: AbortSignal
  ): Promise<OfferOutcome | { readonly kind: 'part' }> {
    const { chain } = this.options
    if (ended.aborted) return notTaken('unreachable', 'nobody waits for it any more')
    if (this.#search.isLeft(claim.peer))
      return notTaken('unreachable', 'it has just not served what it has shown')
    const before = chain.head().id
    let fetched: Fetched
    try {
      fetched = await this.#fetch(found, [claim], within(LIMITS.offerTurnMs, ended))
    } catch (error) {
      // What peers do wrong is among the problems: this is the disk.
      this.#fail(error)
      return notTaken('unreachable', 'the blocks could not be written here')
    }
    const { header, id } = chain.head()
    if (!equal(id, before) && found.headers.ids.some(other => equal(other, id)))
      return { kind: 'taken', height: header.height, id }
    if (fetched.problem !== undefined) return notTaken('invalid', fetched.problem)
    return fetched.taken > 0 ? { kind: 'part' } : notTaken('unreachable', 'it did not serve its blocks')
  }

  /** A block from gossip goes on to others only once it stands in the chain, or beside it. */
  async #hear(from: PeerIdBytes, data: Uint8Array): Promise<GossipVerdict> {
    const { reader } = this.options
    if (this.#stopping.signal.aborted) return 'ignore'
    let block: Block
    try {
      // Its work is looked at before anything that takes longer.
      block = reader.block(data)
    } catch (error) {
      if (isFalseAnswer(error)) return 'reject'
      throw error
    }
    try {
      const heard = await this.#arrivals.hear(block, from, data.length)
      if (heard.kind === 'orphan') this.#wakeForStranger()
      return verdictOf(heard)
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
        await this.#rounds.own(() => this.#level())
      } catch (error) {
        // The pool has told of it. The next round tries again.
        if (!(error instanceof NotValidated)) return this.#fail(error)
      }
      if (!this.#isDue) await this.#due.wait(signal, LIMITS.syncMs)
    }
  }

  /** One round: asks all peers for their heads, and takes the best chain that headers show, as far as it comes. */
  async #level(): Promise<void> {
    const { chain } = this.options
    const signal = within(LIMITS.roundMs, this.#stopping.signal)
    const later: Claim[] = []
    this.#join = claim => later.push(claim)
    const claims = await this.#claims()
    const best = await this.#search.best(claims, signal, () => this.#isDue)
    if (best !== undefined && isPreferred(best.headers, chain)) {
      this.#isSynced = false
      await this.#fetch(best, [...claims, ...later], signal)
    }
    this.#isSynced ||= claims.length > 0
    this.options.asked()
  }

  async #claims(): Promise<Claim[]> {
    const { host, topic, sourceOf } = this.options
    const { signal } = this.#stopping
    const claims = await Promise.all(
      chosenPeers(host.subscribers(topic), host, LIMITS.askedPeers).map(async (peer): Promise<Claim[]> => {
        // A peer that does not answer is asked again in the next round.
        const asked = unlessAborted(sourceOf(peer).claimedHead(), within(LIMITS.claimMs, signal))
        return asked.then(
          head => [{ peer, head }],
          () => []
        )
      })
    )
    return claims.flat()
  }

  /** The blocks of checked headers, from whichever peers have them. Those that gave none are left alone for a while. */
  async #fetch(
    { peer: finder, headers }: FoundChain,
    claims: readonly Claim[],
    signal: AbortSignal
  ): Promise<Fetched> {
    const { chain, importer, report, sourceOf } = this.options
    const missing = headers.ids.filter(id => chain.place(id) === undefined)
    const places = new Map(missing.map((id, place) => [toHex(id), place]))
    // Whose head is one of them has all that come before it.
    const sources = claims.flatMap(({ peer, head }) => {
      const last = equal(peer, finder) ? missing.length - 1 : places.get(toHex(head.id))
      return last === undefined ? [] : [{ peer, host: this.#hostOf(peer), last }]
    })
    const target = headers.head.header.height
    if (missing.length > 1) report({ event: 'syncing', height: chain.head().header.height, target })
    let fetched: Fetched = { taken: 0, problem: undefined }
    const fetching = new OrderedFetch(
      {
        sources,
        from: 0,
        to: missing.length - 1,
        report,
        fetch: (peer, from, count) => sourceOf(peer).blocksById(missing.slice(from, from + count)),
        check: block => importer.check(block),
        take: async (block, checked) => {
          const turn = await this.#take(block, checked)
          if (turn.kind === 'taken') fetched = { ...fetched, taken: fetched.taken + 1 }
          if ('why' in turn) fetched = { ...fetched, problem: fetched.problem ?? turn.why }
          return turn
        }
      },
      signal
    )
    this.#join = ({ peer, head }) => {
      const last = places.get(toHex(head.id))
      if (last !== undefined) fetching.add({ peer, host: this.#hostOf(peer), last })
    }
    await fetching.run()
    this.#join = undefined
    if (missing.length > 1) report({ event: 'syncing', height: chain.head().header.height, target })
    if (missing.length > 0 && fetched.taken === 0 && !this.#stopping.signal.aborted)
      this.#search.withheld(
        headers.head.id,
        sources.map(({ peer }) => peer)
      )
    return fetched
  }

  async #take(block: Block, checked: Promise<CheckedMessages>): Promise<TurnOfBlock> {
    const imported = await this.#arrivals.take(block, checked)
    switch (imported.kind) {
      case 'extended':
      case 'reorganized':
      case 'side':
      case 'known':
        return { kind: 'taken' }
      case 'invalid': {
        const why = describeFault(imported.fault)
        // Nobody has a valid one with this id. A body that is not the header's own may come whole from others.
        return this.options.chain.isKnownInvalid(block.signed.id)
          ? { kind: 'stop', why }
          : { kind: 'untrue', why }
      }
      case 'orphan':
      case 'conflict':
        return { kind: 'stop' }
    }
  }

  #fail(error: unknown): void {
    if (this.#stopping.signal.aborted || error instanceof NotValidated) return
    this.options.failed(error instanceof Error ? error : new Error(String(error)))
  }
}

/** What came of asking for blocks. */
interface Fetched {
  /** How many of them stand in the chain now, or beside it. */
  readonly taken: number
  /** The first thing that was wrong with one. */
  readonly problem: string | undefined
}

/** The same with why nothing goes on, where it was the block. */
type TurnOfBlock = Turn | { readonly kind: 'stop'; readonly why: string }

function verdictOf(imported: ImportResult): GossipVerdict {
  switch (imported.kind) {
    case 'extended':
    case 'reorganized':
    case 'side':
      return 'accept'
    case 'invalid':
      return isPassingFault(imported.fault) ? 'later' : 'reject'
    case 'orphan':
      // Who brought it may have it dropped for others that he brings.
      return 'later'
    case 'known':
    case 'conflict':
      return 'ignore'
  }
}

function notTaken(reason: OfferReason, detail: string): OfferOutcome {
  return { kind: 'notTaken', reason, detail }
}
