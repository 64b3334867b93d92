import { Wakeup } from '../lifecycle/waiting.js'

/**
 * Where a peer finds others: the addresses it was started with, until whoever runs it names other ones. Whoever
 * dials them waits here before it tries again.
 */
export class AddressBook {
  #addresses: ReadonlySet<string>
  readonly #changed = new Wakeup()
  /** How often it has changed. */
  #edition = 0

  constructor(addresses: readonly string[]) {
    this.#addresses = new Set(addresses)
  }

  get all(): readonly string[] {
    return [...this.#addresses]
  }

  has(address: string): boolean {
    return this.#addresses.has(address)
  }

  /** These are all there are from now on. */
  replace(addresses: readonly string[]): void {
    this.#addresses = new Set(addresses)
    this.retry()
  }

  /** Those that did not answer may do so now: nobody waits any longer. */
  retry(): void {
    this.#edition += 1
    this.#changed.wake()
  }

  /** Waits for a change, for `ms` at most; says whether there was one. Ends as soon as `signal` fires. */
  async changed(signal: AbortSignal, ms?: number): Promise<boolean> {
    const edition = this.#edition
    await this.#changed.wait(signal, ms)
    return this.#edition !== edition
  }
}
