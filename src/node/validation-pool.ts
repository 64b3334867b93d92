import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import { LIMITS } from '../core/limits.js'
import type { Network } from '../core/network-document.js'
import type { Verdict } from '../core/validation.js'
import type { OpenKeys } from './key-ring.js'
import { type PackedVerdicts, unpackVerdicts } from './packed-verdicts.js'
import type { Service } from './service.js'
import type { ValidationJob, WorkerSetup } from './validation-worker.js'

interface Job {
  readonly bundle: Uint8Array
  readonly messages: number
  readonly resolve: (verdicts: Promise<readonly Verdict[]>) => void
}

/**
 * Validates bundles in worker threads. Results come in the order of the calls, whichever worker is faster.
 * While all workers are busy, bundles gather; the next free one takes as many as a batch holds.
 */
export class ValidationPool implements Service {
  // One a core: on two cores beside busy clients, one worker alone got too small a share to keep up.
  readonly #workers = Math.min(4, availableParallelism())
  /** Bytes of an envelope at most: what is longer is refused before it gets here. */
  readonly messageBytes: number
  readonly #setup: WorkerSetup
  #pool: Piscina | undefined
  #jobs: Job[] = []
  #queued = 0
  #running = 0
  #last: Promise<unknown> = Promise.resolve()

  /** `openKeys`: those that open now, where this peer has any. */
  constructor(
    network: Network,
    private readonly openKeys?: (() => OpenKeys) | undefined
  ) {
    this.#setup = { document: network.canonical, opens: openKeys !== undefined }
    this.messageBytes = network.document.limits.messageBytes
  }

  async start(): Promise<void> {
    this.#pool = new Piscina({
      filename: new URL('./validation-worker.js', import.meta.url).href,
      // The others come when there is work for them, and stay. They take a while to load; nothing waits for that.
      minThreads: 1,
      maxThreads: this.#workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      workerData: this.#setup
    })
    // The first message must not wait for a worker to load its modules.
    await this.#runWorker([])
  }

  async stop(): Promise<void> {
    await this.#last
    await this.#pool?.destroy()
  }

  /** Messages that wait or are being looked at. */
  get queued(): number {
    return this.#queued
  }

  /** One verdict for each of the bundle's messages. The caller has read the bundle, so it decodes. */
  validate(bundle: Uint8Array, messages: number): Promise<readonly Verdict[]> {
    this.#queued += messages
    const verdicts = new Promise<readonly Verdict[]>(resolve => {
      this.#jobs.push({ bundle, messages, resolve })
    })
    this.#dispatch()
    return verdicts
  }

  #dispatch(): void {
    while (this.#running < this.#workers && this.#jobs.length > 0) {
      let messages = 0
      const end = this.#jobs.findIndex(job => {
        messages += job.messages
        return messages >= LIMITS.validationBatch
      })
      const batch = this.#jobs.splice(0, end === -1 ? this.#jobs.length : end + 1)
      this.#running += 1
      const verdicts = this.#run(batch)
      // Heard of in its turn; until then nobody listens.
      verdicts.catch(() => undefined)
      const inOrder = this.#last.then(() => verdicts)
      this.#last = inOrder.catch(() => undefined)
      let start = 0
      for (const job of batch) {
        const from = start
        start += job.messages
        job.resolve(inOrder.then(all => all.slice(from, from + job.messages)))
      }
    }
  }

  async #run(batch: readonly Job[]): Promise<readonly Verdict[]> {
    try {
      return unpackVerdicts(await this.#runWorker(batch.map(job => job.bundle)))
    } finally {
      this.#running -= 1
      for (const job of batch) this.#queued -= job.messages
      this.#dispatch()
    }
  }

  #runWorker(bundles: readonly Uint8Array[]): Promise<PackedVerdicts> {
    if (this.#pool === undefined) throw new Error('the validation pool has not started')
    const job: ValidationJob = { bundles, keys: this.openKeys?.() }
    return this.#pool.run(job)
  }
}
