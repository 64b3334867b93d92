import { equal, type PeerIdBytes, toHex } from '../core/bytes.js'
import { describeError, type Report } from '../core/events.js'
import { LIMITS } from '../core/limits.js'
import { RateLimiter } from '../core/rate-limiter.js'
import type { Service } from '../lifecycle/service.js'
import { Wakeup, within } from '../lifecycle/waiting.js'
import { hostAndPort, withoutPeerId } from './addresses.js'
import type { Host } from './host.js'
import { KnownAddresses } from './known-addresses.js'
import type { PeerExchange } from './peer-exchange.js'
import { shuffled } from './shuffled.js'

export interface PeerDiscoveryOptions {
  readonly host: Host
  readonly exchange: PeerExchange
  /** That of the room. */
  readonly topic: string
  /** Where the first neighbours may be. */
  readonly connect: readonly string[]
  /** How many neighbours are enough. */
  readonly neighbours: number
  readonly report: Report
  /** A monotonic clock, ms. */
  readonly clock: () => number
  /** Ends the search for the first neighbours. */
  readonly stopping: AbortSignal
}

/**
 * Finds a peer its neighbours in a room: at first where it was told to, then where these say that others are, so
 * that it is not alone when one of them leaves, and that what comes from it need not be its own.
 */
export class PeerDiscovery implements Service {
  readonly #stopping = new AbortController()
  readonly #lost = new Wakeup()
  /** A stranger that comes and goes does not have the others asked all the time. */
  readonly #wakes = new RateLimiter(LIMITS.wakeRate, 1)
  readonly #known: KnownAddresses
  #running: Promise<void> = Promise.resolve()
  #unwatch: () => void = () => undefined

  constructor(private readonly options: PeerDiscoveryOptions) {
    this.#known = new KnownAddresses(options.clock)
  }

  /** Tries the first addresses, and says what became of it. */
  async start(): Promise<void> {
    const { host, connect, report, stopping, clock } = this.options
    const entered = await Promise.all(connect.map(address => this.#enterFirst(address)))
    if (connect.length > 0 && !entered.includes(true) && !stopping.aborted)
      report({ event: 'warning', message: 'this is a network of its own now, which others may join' })
    let count = this.#neighbours().length
    this.#unwatch = host.onSubscribersChange(() => {
      const now = this.#neighbours().length
      if (now < count && this.#wakes.take('', clock())) this.#lost.wake()
      count = now
    })
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the peer is stopping'))
    this.#unwatch()
    await this.#running
  }

  async #enterFirst(address: string): Promise<boolean> {
    const { host, topic, report, stopping } = this.options
    try {
      const peer = await this.#enter(address, stopping)
      const late = within(LIMITS.joinMs, stopping)
      await host.whenSubscribed(topic, peer, late)
      // It may have as many in its mesh as it wants; then others will do.
      await host.whenMeshed(topic, late).catch(() => undefined)
      // Once it has answered, it has read that this peer wants to hear all: nothing said from now on is missed.
      await this.#ask(peer, stopping)
      const plain = withoutPeerId(address)
      if (plain !== undefined) this.#known.keep(plain)
      return true
    } catch (error) {
      const message = `nobody could be joined at ${hostAndPort(address)}: ${describeError(error)}`
      if (!stopping.aborted) report({ event: 'warning', message })
      return false
    }
  }

  /** Connects, and learns where others are. Throws if there is nobody, or nobody of this room. */
  async #enter(address: string, signal: AbortSignal): Promise<PeerIdBytes> {
    const { host, exchange } = this.options
    const peer = await host.connect(address, within(LIMITS.dialMs, signal))
    try {
      await this.#ask(peer, signal)
    } catch {
      const isNeighbour = this.#neighbours().some(other => equal(other, peer))
      if (!isNeighbour) host.disconnect(peer, 'it is not in this room')
      throw new Error('the peer there is in another room, or has no chat')
    }
    const plain = withoutPeerId(address)
    if (plain !== undefined) {
      exchange.reached(peer, plain)
      this.#known.reached(plain)
    }
    return peer
  }

  async #ask(peer: PeerIdBytes, signal: AbortSignal): Promise<void> {
    for (const address of await this.options.exchange.ask(peer, within(LIMITS.frameMs, signal)))
      this.#known.add(address, toHex(peer))
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#look(signal)
      const isAlone = this.#neighbours().length === 0
      await this.#lost.wait(signal, isAlone ? LIMITS.redialMs.longest : LIMITS.askAddressesMs)
    }
  }

  /** Dials as many as are missing; where nobody more is known, asks those who are there. */
  async #look(signal: AbortSignal): Promise<void> {
    const near = this.#neighbours()
    const missing = this.options.neighbours - near.length
    if (missing <= 0) return
    await Promise.allSettled(near.map(peer => this.#ask(peer, signal)))
    const { exchange } = this.options
    const others = this.#known.all().filter(address => !exchange.leadsToNeighbour(address))
    await Promise.all(
      shuffled(others)
        .slice(0, missing)
        .map(address => this.#try(address, signal))
    )
  }

  async #try(address: string, signal: AbortSignal): Promise<void> {
    await this.#enter(address, signal).catch(() => {
      // Where no peer is left, this peer's own line may be broken.
      if (this.#neighbours().length > 0) this.#known.failed(address)
    })
  }

  #neighbours(): PeerIdBytes[] {
    return this.options.host.subscribers(this.options.topic)
  }
}
