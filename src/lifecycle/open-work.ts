import { LIMITS } from '../core/limits.js'

/** What is being done for others now. A server that stops lets it end, for a moment. */
export class OpenWork {
  readonly #open = new Set<Promise<void>>()

  async during(work: Promise<void>): Promise<void> {
    this.#open.add(work)
    await work.finally(() => this.#open.delete(work))
  }

  async ended(): Promise<void> {
    const late = AbortSignal.timeout(LIMITS.stopMs / 5)
    await Promise.race([
      Promise.allSettled(this.#open),
      new Promise(resolve => late.addEventListener('abort', resolve, { once: true }))
    ])
  }
}
