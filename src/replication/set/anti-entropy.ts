import { equal, type Hash, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { describeError, type Report } from '../../core/events.js'
import { peerIdToString } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import { RateLimiter } from '../../core/rate-limiter.js'
import { Recent } from '../../core/recent.js'
import type { Summary } from '../../core/set-summary.js'
import type { Service } from '../../lifecycle/service.js'
import { unlessAborted, Wakeup, within } from '../../lifecycle/waiting.js'
import { chosenPeers } from '../../network/chosen-peers.js'
import type { Host } from '../../network/host.js'
import { shuffled } from '../../network/shuffled.js'
import { InvalidAnswer, QueryFailed } from '../../query/query-errors.js'
import { checkMessages } from '../../validation/message-checks.js'
import type { ValidationPool } from '../../validation/validation-pool.js'
import { lacking } from './lacking.js'
import { Places } from './places.js'
import type { SetQueries } from './set-queries.js'
import type { TransferStore } from './transfer-store.js'

export type SetSource = Pick<SetQueries, 'status' | 'summary' | 'transfers'>

export interface AntiEntropyOptions {
  readonly host: Pick<Host, 'subscribers' | 'onSubscription' | 'bringerOf'>
  /** Whoever subscribes to it has a set to compare with. */
  readonly topic: string
  readonly store: TransferStore
  readonly validation: ValidationPool
  readonly sourceOf: (peer: PeerIdBytes) => SetSource
  readonly report: Report
  /** A monotonic clock, ms. */
  readonly clock: () => number
}

/** What is fetched from one peer. */
interface Turn {
  readonly source: SetSource
  readonly end: AbortSignal
  /** New transfers so far. */
  brought: number
}

/**
 * Compares a peer's set of transfers with those of the others, at each connection and from time to time, and fetches
 * what it lacks: whatever gossip lost or a partition kept away shows here. Each side fetches for itself. A peer whose
 * answers are not true, or that does not answer, costs its own turn and nothing else: others come before it then.
 */
export class AntiEntropy implements Service {
  readonly #stopping = new AbortController()
  readonly #due = new Wakeup()
  /** By peer. */
  readonly #turns = new Map<string, Promise<void>>()
  /** Those who are to have another one. */
  readonly #again = new Set<string>()
  /** For those with whom a difference was found. */
  readonly #places = new Places(LIMITS.antiEntropyPeers)
  /** Peers whose answers were not true: each is told of once. */
  readonly #toldOf = new Recent(LIMITS.rememberedRates)
  /** A peer that comes and goes does not cause all others to be asked each time. */
  readonly #wakes = new RateLimiter(LIMITS.wakeRate, 1)
  #isDue = true
  #running: Promise<void> = Promise.resolve()

  constructor(private readonly options: AntiEntropyOptions) {}

  async start(): Promise<void> {
    const { host, clock } = this.options
    host.onSubscription(() => {
      if (this.#wakes.take('', clock())) this.wake()
    })
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the peer is stopping'))
    await this.#running
  }

  /** Compares with all, soon. */
  wake(): void {
    this.#isDue = true
    this.#due.wake()
  }

  async #run(): Promise<void> {
    const { host, topic } = this.options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#isDue = false
      for (const peer of chosenPeers(host.subscribers(topic), host, LIMITS.askedPeers)) this.#begin(peer)
      if (!this.#isDue) await this.#due.wait(signal, LIMITS.antiEntropyMs)
    }
    await Promise.all(this.#turns.values())
  }

  /** Who has its turn still has another one after it. */
  #begin(peer: PeerIdBytes): void {
    const name = toHex(peer)
    if (this.#turns.has(name)) {
      this.#again.add(name)
      return
    }
    const turn = this.#turn(peer).then(hasMore => {
      this.#turns.delete(name)
      if ((this.#again.delete(name) || hasMore) && this.#isThere(peer)) this.#begin(peer)
    })
    this.#turns.set(name, turn)
  }

  #isThere(peer: PeerIdBytes): boolean {
    const { host, topic } = this.options
    return !this.#stopping.signal.aborted && host.subscribers(topic).some(other => equal(other, peer))
  }

  /** Says whether it was of use and ended too early. */
  async #turn(peer: PeerIdBytes): Promise<boolean> {
    const { store, sourceOf } = this.options
    const { signal } = this.#stopping
    const source = sourceOf(peer)
    const digest = await this.#digestOf(peer, source)
    const isSynced = (): boolean =>
      signal.aborted || digest === undefined || equal(digest, store.transfers.digest())
    if (isSynced()) return false
    const name = toHex(peer)
    await this.#places.enter(name)
    const turn: Turn = { source, end: within(LIMITS.antiEntropyTurnMs, signal), brought: 0 }
    try {
      if (!isSynced()) await this.#fetch(turn)
      this.#places.leave(name, true)
      return false
    } catch (error) {
      const hasMore = turn.end.aborted && turn.brought > 0
      this.#places.leave(name, hasMore)
      if (!turn.end.aborted) this.#distrust(peer, error)
      return hasMore
    }
  }

  /** Undefined where it does not say. */
  async #digestOf(peer: PeerIdBytes, source: SetSource): Promise<Hash | undefined> {
    const end = within(LIMITS.antiEntropyTurnMs, this.#stopping.signal)
    try {
      const { digest } = await unlessAborted(source.status(), end)
      return digest
    } catch (error) {
      if (!end.aborted) this.#distrust(peer, error)
      return undefined
    }
  }

  /** Some pages at once: one is verified while another is on its way. Throws what the first of them failed of. */
  async #fetch(turn: Turn): Promise<void> {
    const pages = this.#lacking(turn)
    const problems: unknown[] = []
    const takePages = async (): Promise<void> => {
      try {
        for (let page = await pages.next(); page.done !== true; page = await pages.next()) {
          if (problems.length > 0) return
          await this.#take(turn, page.value)
        }
      } catch (error) {
        problems.push(error)
      }
    }
    await Promise.all(Array.from({ length: LIMITS.antiEntropyPages }, takePages))
    if (problems.length > 0) throw problems[0]
  }

  /** In any order, so that what is fetched from several peers at once is not the same. */
  #lacking({ source, end }: Turn): AsyncGenerator<readonly Hash[], undefined> {
    const summaryOf = (prefix: string): Promise<Summary> => unlessAborted(source.summary(prefix), end)
    return lacking(() => this.options.store.transfers, summaryOf, shuffled)
  }

  /** Throws Untrue where one of them is not valid; those that are count all the same. */
  async #take(turn: Turn, ids: readonly Hash[]): Promise<void> {
    const { store, validation } = this.options
    const missing = ids.filter(id => !store.has(id))
    if (missing.length === 0) return
    const envelopes = await unlessAborted(turn.source.transfers(missing), turn.end)
    const verdicts = await checkMessages(envelopes, validation)
    for (const [index, envelope] of envelopes.entries())
      if (verdicts[index]?.ok && store.add({ envelope }).kind === 'accepted') turn.brought += 1
    await store.stored()
    for (const verdict of verdicts)
      if (!verdict.ok) throw new InvalidAnswer(`a transfer is not valid: ${verdict.refusal.detail}`)
  }

  #distrust(peer: PeerIdBytes, error: unknown): void {
    // Who does not answer is no use now; the next time it is asked again.
    if (error instanceof QueryFailed || !this.#toldOf.add(toHex(peer))) return
    const message = `the transfers of ${peerIdToString(peer)} are not taken: ${describeError(error)}`
    this.options.report({ event: 'warning', message })
  }
}
