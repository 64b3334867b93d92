import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import type { BodyAge } from '../applications/application.js'
import { TallystickError } from '../core/errors.js'
import { describeError, type Report } from '../core/events.js'
import { LIMITS } from '../core/limits.js'
import type { Network } from '../core/network.js'
import { refusal } from '../core/refusal.js'
import type { Verdict } from '../core/validation.js'
import type { Service } from '../lifecycle/service.js'
import type { OpenKeys } from './key-ring.js'
import { type PackedVerdicts, unpackVerdicts } from './packed-verdicts.js'
import type { ValidationJob, WorkerSetup } from './validation-worker.js'

/**
 * The deadline of a verdict is counted in ticks of this thread. While the whole process is stopped, or the machine sleeps,
 * no worker judges anything, and all that time is one tick.
 */
const VERDICT_TICKS = 10

interface Job {
  readonly bundle: Uint8Array
  readonly messages: number
  readonly resolve: (verdicts: Promise<readonly Verdict[]>) => void
}

type Outcome = { readonly verdicts: readonly Verdict[] } | { readonly unjudged: NotValidated }

/**
 * There is no verdict: judging failed, which a defect of the program alone can bring about. It says nothing of the
 * messages; whoever brought them may send them again.
 */
export class NotValidated extends TallystickError {
  override name = 'NotValidated'

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_NOT_VALIDATED', message, options)
  }
}

/** What is told to whoever brought them. */
export const NOT_VALIDATED = refusal('busy', 'the messages could not be judged here; send them again later')

export interface ValidationOptions {
  /** Whether messages are new or stand in a log; see `messageRules`. */
  readonly age?: BodyAge
  /** Hears why there was no verdict. */
  readonly report?: Report
  /** In place of the one in LIMITS. */
  readonly verdictMs?: number
  /** The module that the threads run, in place of the one that judges. */
  readonly worker?: string
}

interface Worker {
  /** Of one thread: a pool of many gives jobs to threads that still load, and all later ones would wait for these. */
  readonly pool: Piscina
  /** How many messages it has judged. */
  readonly judged: Int32Array
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
  readonly #setup: Omit<WorkerSetup, 'judged'>
  readonly #workers: Worker[] = []
  /** Those that are loaded and have nothing to do. */
  readonly #idle: Worker[] = []
  #isOpen = false
  /** The one that loads, if any does. */
  #loading: Promise<void> | undefined
  #jobs: Job[] = []
  #queued = 0
  #last: Promise<unknown> = Promise.resolve()

  /** `openKeys`: those that open now, where this peer has any. */
  constructor(
    network: Network,
    private readonly openKeys?: (() => OpenKeys | Promise<OpenKeys>) | undefined,
    private readonly options: ValidationOptions = {}
  ) {
    const { age = 'new' } = options
    this.#setup = { document: network.canonical, opens: openKeys !== undefined, age }
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
    await Promise.all(this.#workers.splice(0).map(({ pool }) => pool.destroy()))
  }

  /** Messages that wait or are being looked at. */
  get queued(): number {
    return this.#queued
  }

  /**
   * One verdict for each of the bundle's messages. The caller has read the bundle, so it decodes. Rejects with Unjudged
   * where there is no verdict.
   */
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
      const outcomes = this.#run(worker, batch)
      const inOrder = this.#last.then(() => outcomes)
      this.#last = inOrder
      for (const [index, job] of batch.entries()) job.resolve(inOrder.then(all => verdictsOf(all[index])))
    }
  }

  async #run(worker: Worker, batch: readonly Job[]): Promise<readonly Outcome[]> {
    const outcomes = await this.#judge(worker, batch)
    this.#idle.push(worker)
    for (const job of batch) this.#queued -= job.messages
    this.#dispatch()
    return outcomes
  }

  /** One outcome a job, whatever happens. */
  async #judge(worker: Worker, batch: readonly Job[]): Promise<readonly Outcome[]> {
    try {
      const verdicts = await this.#runIn(worker, batch)
      let end = 0
      return batch.map(({ messages }) => {
        end += messages
        return { verdicts: verdicts.slice(end - messages, end) }
      })
    } catch (error) {
      // One message has brought it about: those that came with it are judged without it.
      if (!(error instanceof NotValidated) && batch.length > 1) {
        const outcomes: Outcome[] = []
        for (const job of batch) outcomes.push(...(await this.#judge(worker, [job])))
        return outcomes
      }
      const unjudged =
        error instanceof NotValidated ? error : new NotValidated(describeError(error), { cause: error })
      this.options.report?.({
        event: 'warning',
        message: `messages could not be judged, and were not taken: ${unjudged.message}. This is a defect of the program; please report it`
      })
      return batch.map(() => ({ unjudged }))
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
    const judged = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const workerData: WorkerSetup = { ...this.#setup, judged }
    const pool = new Piscina({
      filename: this.options.worker ?? import.meta.resolve('#src/validation/validation-worker.js'),
      minThreads: 1,
      maxThreads: 1,
      workerData
    })
    const worker = { pool, judged }
    this.#workers.push(worker)
    this.#loading = this.#load(worker).then(() => {
      this.#idle.push(worker)
    })
    await this.#loading.finally(() => {
      this.#loading = undefined
    })
  }

  /** Resolves once its thread has loaded, however long that takes. */
  async #load({ pool }: Worker): Promise<void> {
    await pool.run(await this.#jobOf([]))
  }

  /** Rejects with Unjudged where the worker judged nothing for too long. It is ended then, and loaded anew. */
  async #runIn(worker: Worker, batch: readonly Job[]): Promise<readonly Verdict[]> {
    const { verdictMs = LIMITS.verdictMs } = this.options
    const stuck = new AbortController()
    let before = Atomics.load(worker.judged, 0)
    let ticks = 0
    const watch = setInterval(() => {
      const judged = Atomics.load(worker.judged, 0)
      ticks = judged === before ? ticks + 1 : 0
      if (ticks === VERDICT_TICKS) stuck.abort()
      before = judged
    }, verdictMs / VERDICT_TICKS)
    try {
      const packed: PackedVerdicts = await worker.pool.run(await this.#jobOf(batch), { signal: stuck.signal })
      return unpackVerdicts(packed)
    } catch (error) {
      if (!stuck.signal.aborted) throw error
      // Node ends the whole process where a thread is ended that still loads its modules.
      await this.#load(worker)
      throw new NotValidated(`a worker thread came to no verdict within ${verdictMs} ms`)
    } finally {
      clearInterval(watch)
    }
  }

  async #jobOf(batch: readonly Job[]): Promise<ValidationJob> {
    return { bundles: batch.map(({ bundle }) => bundle), keys: await this.openKeys?.() }
  }
}

function verdictsOf(outcome: Outcome | undefined): readonly Verdict[] {
  if (outcome === undefined) throw new RangeError('each job has an outcome')
  if ('unjudged' in outcome) throw outcome.unjudged
  return outcome.verdicts
}
