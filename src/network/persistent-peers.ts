import type { PeerIdBytes } from '../core/bytes.js'
import { toHex } from '../core/bytes.js'
import type { Report } from '../core/events.js'
import { LIMITS } from '../core/limits.js'
import type { Service } from '../lifecycle/service.js'
import { within } from '../lifecycle/waiting.js'
import type { AddressBook } from './address-book.js'
import { dialProblem, WrongAddress } from './connection-errors.js'
import type { Host } from './host.js'

/** An address that is seen to, until it is forgotten. */
interface Kept {
  readonly address: string
  readonly forgetting: AbortController
  /** Who was reached there, while it is connected. */
  peer: PeerIdBytes | undefined
}

/** Keeps this peer connected to the addresses in its book, whichever of them are there. */
export class PersistentPeers implements Service {
  readonly #stopping = new AbortController()
  #problem: Error | undefined
  readonly #kept = new Map<string, Kept>()
  readonly #keeping = new Set<Promise<void>>()
  #running: Promise<void> = Promise.resolve()

  /** `joined` hears of each neighbour that has been reached. */
  constructor(
    private readonly host: Host,
    private readonly book: AddressBook,
    private readonly joined: (peer: PeerIdBytes) => void,
    private readonly report: Report
  ) {}

  async start(): Promise<void> {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the peer is stopping'))
    await this.#running
    await Promise.all(this.#keeping)
  }

  /** Why the last try failed; undefined before one has. */
  get problem(): Error | undefined {
    return this.#problem
  }

  /** Those that are connected now. */
  all(): PeerIdBytes[] {
    const kept = [...this.#kept.values()].filter(({ address }) => this.book.has(address))
    const peers = kept.flatMap(({ peer }) => peer ?? [])
    return [...new Map(peers.map(peer => [toHex(peer), peer])).values()]
  }

  /** Sees to the addresses that stand in the book, and forgets others. Whoever is connected stays so. */
  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      for (const address of this.book.all) if (!this.#kept.has(address)) this.#begin(address)
      for (const kept of this.#kept.values()) if (!this.book.has(kept.address)) this.#forget(kept)
      await this.book.changed(signal)
    }
    for (const kept of this.#kept.values()) this.#forget(kept)
  }

  #begin(address: string): void {
    const kept: Kept = { address, forgetting: new AbortController(), peer: undefined }
    this.#kept.set(address, kept)
    const keeping = this.#keep(kept).finally(() => this.#keeping.delete(keeping))
    this.#keeping.add(keeping)
  }

  #forget(kept: Kept): void {
    this.#kept.delete(kept.address)
    kept.forgetting.abort(new Error('the address is forgotten'))
  }

  async #keep(kept: Kept): Promise<void> {
    const { address, forgetting } = kept
    const { signal } = forgetting
    let wait: number = LIMITS.redialMs.first
    let isTold = false
    while (!signal.aborted) {
      try {
        const peer = await this.host.connect(address, within(LIMITS.dialMs, signal))
        wait = LIMITS.redialMs.first
        isTold = false
        kept.peer = peer
        this.joined(peer)
        await this.host.whenDisconnected(peer, signal)
        kept.peer = undefined
      } catch (error) {
        const problem = dialProblem(address, error)
        if (!signal.aborted) this.#problem = error instanceof WrongAddress ? error : new Error(problem)
        if (!isTold && !signal.aborted) this.report({ event: 'warning', message: `${problem}; trying again` })
        isTold = true
      }
      const isNews = await this.book.changed(signal, wait)
      wait = isNews ? LIMITS.redialMs.first : Math.min(2 * wait, LIMITS.redialMs.longest)
    }
  }
}
