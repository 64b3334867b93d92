import type { TransferSet } from '../../applications/ledger/transfer-set.js'
import type { Report } from '../../core/events.js'
import { LIMITS } from '../../core/limits.js'
import type { Service } from '../../lifecycle/service.js'

/** Tells what a peer's set has come to: at the start, and after each change, or once after many that come together. */
export class SetNews implements Service {
  #resting: NodeJS.Timeout | undefined
  #isDue = false

  constructor(
    private readonly set: () => TransferSet,
    private readonly report: Report
  ) {}

  async start(): Promise<void> {
    this.#tell()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#resting)
    if (this.#isDue) this.#tell()
    clearTimeout(this.#resting)
  }

  changed(): void {
    this.#isDue = true
    if (this.#resting === undefined) this.#tell()
  }

  #tell(): void {
    this.#isDue = false
    const set = this.set()
    this.report({ event: 'set', count: set.size, digest: set.digest() })
    this.#resting = setTimeout(() => {
      this.#resting = undefined
      if (this.#isDue) this.#tell()
    }, LIMITS.setEventMs)
  }
}
