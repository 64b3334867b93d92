import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Summary } from '../core/events.js'

/** What became of a client's messages, and how long it took. */
export class SendTally {
  sent = 0
  accepted = 0
  refused = 0
  resent = 0
  readonly #latency: RecordableHistogram = createHistogram()

  /** `ms`: from the first publishing on. */
  accept(ms: number): void {
    this.accepted += 1
    this.#latency.record(Math.max(1, Math.round(ms * 1000)))
  }

  summary(): Omit<Summary, 'proved'> {
    const { sent, accepted, refused, resent } = this
    return { sent, accepted, refused, resent, p50: this.#percentile(50), p99: this.#percentile(99) }
  }

  #percentile(p: number): number | undefined {
    return this.#latency.count === 0 ? undefined : this.#latency.percentile(p) / 1000
  }
}
