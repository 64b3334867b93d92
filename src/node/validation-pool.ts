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
  readonly #most = Math.min(4, availableParallelism())
  /** Bytes of an envelope at most: what is longer is refused before it gets here. */
  readonly messageBytes: number
  readonly #setup: WorkerSetup
  /** Of one thread each: a pool of many gives jobs to threads that still load, and all later ones would wait for these. */
  readonly #workers: Piscina[] = []
  /** Those that are loaded and have nothing to do. */
  readonly #idle: Piscina[] = []
  #isOpen = false
  /** The one that loads, if any does. */
  #loading: Promise<void> | undefined
  #jobs: Job[] = []
  #queued = 0
  #last: Promise<unknown> = Promise.resolve()

  /** `openKeys`: those that open now, where this peer has any. */
  constructor(
    network: Network,
    private readonly openKeys?: (() => OpenKeys | Promise<OpenKeys>) | undefined
  ) {
    this.#setup = { document: network.canonical, opens: openKeys !== undefined }
    this.messageBytes = network.document.limits.messageBytes
  }

  /** The first message must not wait for a worker to load its modules. The others come when there is work for them. */
  async start(): Promise<void> {
    this.#isOpen = true
    await this.#addWorker()
  }

  async stop(): Promise<void> {
    await this.#last
    this.#isOpen = false
    // Node ends the whole process where a thread is ended that still loads its modules.
    await this.#loading?.catch(() => undefined)
    await Promise.all(this.#workers.splice(0).map(worker => worker.destroy()))
  }

  /** Messages that wait or are being looked at. */
  get queued(): number {
    return this.#queued
  }

  /** One verdict for each of the bundle's messages. The caller has read the bundle, so it decodes. */
  async validate(bundle: Uint8Array, messages: number): Promise<readonly Verdict[]> {
    if (!this.#isOpen) throw new Error('the validation pool is not running')
    this.#queued += messages
    const verdicts = new Promise<readonly Verdict[]>(resolve => {
      this.#jobs.push({ bundle, messages, resolve })
    })
    this.#dispatch()
    return verdicts
  }

  #dispatch(): void {
    while (this.#jobs.length > 0) {
      const worker = this.#idle.pop()
      if (worker === undefined) {
        this.#grow()
        return
      }
      let messages = 0
      const end = this.#jobs.findIndex(job => {
        messages += job.messages
        return messages >= LIMITS.validationBatch
      })
      const batch = this.#jobs.splice(0, end === -1 ? this.#jobs.length : end + 1)
      const verdicts = this.#run(worker, batch)
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

  async #run(worker: Piscina, batch: readonly Job[]): Promise<readonly Verdict[]> {
    try {
      const bundles = batch.map(job => job.bundle)
      return unpackVerdicts(await this.#runIn(worker, bundles))
    } finally {
      this.#idle.push(worker)
      for (const job of batch) this.#queued -= job.messages
      this.#dispatch()
    }
  }

  /** There is more work than workers. Nothing waits for the new one while it loads. */
  #grow(): void {
    if (!this.#isOpen || this.#loading !== undefined || this.#workers.length >= this.#most) return
    this.#addWorker().then(
      () => this.#dispatch(),
      // There is no room for another thread: those that are there do it all.
      () => undefined
    )
  }

  async #addWorker(): Promise<void> {
    const worker = new Piscina({
      filename: import.meta.resolve('#src/node/validation-worker.js'),
      minThreads: 1,
      maxThreads: 1,
      workerData: this.#setup
    })
    this.#workers.push(worker)
    this.#loading = this.#runIn(worker, []).then(() => {
      this.#idle.push(worker)
    })
    await this.#loading.finally(() => {
      this.#loading = undefined
    })
  }

  async #runIn(worker: Piscina, bundles: readonly Uint8Array[]): Promise<PackedVerdicts> {
    const job: ValidationJob = { bundles, keys: await this.openKeys?.() }
    return worker.run(job)
  }
}
