import type { PeerIdBytes } from '../core/bytes.js'
import { toHex } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { Host } from '../network/host.js'
import { describeError, type Report } from './events.js'
import type { Service } from './service.js'
import { elapsed, within } from './waiting.js'

/** Keeps this peer connected to the addresses it was given, whichever of them are there. */
export class Neighbours implements Service {
  readonly #stopping = new AbortController()
  readonly #connected = new Map<string, PeerIdBytes>()
  #running: Promise<unknown> = Promise.resolve()

  /** `joined` hears of each neighbour that has been reached. */
  constructor(
    private readonly host: Host,
    private readonly addresses: readonly string[],
    private readonly joined: (peer: PeerIdBytes) => void,
    private readonly report: Report
  ) {}

  async start(): Promise<void> {
    this.#running = Promise.all(this.addresses.map(address => this.#keep(address)))
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the peer is stopping'))
    await this.#running
  }

  /** Those that are connected now. */
  all(): PeerIdBytes[] {
    return [...this.#connected.values()]
  }

  async #keep(address: string): Promise<void> {
    const { signal } = this.#stopping
    let wait: number = LIMITS.redialMs.first
    let isTold = false
    while (!signal.aborted) {
      try {
        const late = within(LIMITS.dialMs, signal)
        const peer = await this.host.connect(address, late)
        wait = LIMITS.redialMs.first
        isTold = false
        this.#connected.set(toHex(peer), peer)
        this.joined(peer)
        await this.host.whenDisconnected(peer, signal)
        this.#connected.delete(toHex(peer))
      } catch (error) {
        if (!isTold && !signal.aborted)
          this.report({
            event: 'warning',
            message: `${address} does not answer (${describeError(error)}); trying again`
          })
        isTold = true
      }
      await elapsed(wait, signal)
      wait = Math.min(2 * wait, LIMITS.redialMs.longest)
    }
  }
}
