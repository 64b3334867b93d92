import { Worker } from 'node:worker_threads'
import { LIMITS } from '../../core/limits.js'
import type { Service } from '../../lifecycle/service.js'
import type { MiningFind, MiningJob, MiningSetup } from './mining-worker.js'
import { RateMeter } from './rate-meter.js'
import { NONCE_BYTES } from './search.js'

export interface HashPoolOptions {
  /** One or more. */
  readonly threads: number
  readonly randomBytes: (length: number) => Uint8Array
  /** ms, never set back. */
  readonly clock: () => number
}

interface Search {
  readonly job: number
  readonly resolve: (nonce: Uint8Array | undefined) => void
  readonly reject: (error: Error) => void
}

/**
 * Threads that search for nonces, all for the same header. They live as long as the pool does: what they work on
 * is named by a number in shared memory, and they look at it about every millisecond.
 */
export class HashPool implements Service {
  readonly #shared: SharedArrayBuffer
  readonly #current: Int32Array
  readonly #hashes: BigUint64Array
  readonly #meter: RateMeter
  #workers: readonly Worker[] = []
  #search: Search | undefined
  #failure: Error | undefined

  constructor(private readonly options: HashPoolOptions) {
    const { threads, clock } = options
    this.#shared = new SharedArrayBuffer(8 + 8 * threads)
    this.#current = new Int32Array(this.#shared, 0, 1)
    this.#hashes = new BigUint64Array(this.#shared, 8)
    this.#meter = new RateMeter(LIMITS.hashRateMs, clock)
  }

  async start(): Promise<void> {
    const { threads, randomBytes } = this.options
    this.#workers = Array.from({ length: threads }, (_, index) => {
      const nonce = new Uint8Array(NONCE_BYTES)
      // Its own half of the nonce, this time: not even the same miner, started again, goes the same way.
      nonce.set(randomBytes(NONCE_BYTES / 2))
      const setup: MiningSetup = { shared: this.#shared, index, nonce }
      const worker = new Worker(
        new URL(import.meta.resolve('#src/orderings/proof-of-work/mining-worker.js')),
        {
          workerData: setup
        }
      )
      worker.on('message', (found: MiningFind) => this.#found(found))
      worker.on('error', (error: unknown) => this.#fail(error))
      return worker
    })
  }

  async stop(): Promise<void> {
    this.#end()?.resolve(undefined)
    const workers = this.#workers
    this.#workers = []
    await Promise.all(workers.map(worker => worker.terminate()))
  }

  /**
   * The nonce with which the hash of an encoded header is not over the target. Gives undefined as soon as `signal`
   * fires, the pool stops, or another search begins; the threads follow within milliseconds.
   */
  async find(header: Uint8Array, target: bigint, signal: AbortSignal): Promise<Uint8Array | undefined> {
    this.#end()?.resolve(undefined)
    if (this.#failure !== undefined) throw this.#failure
    if (this.#workers.length === 0) throw new Error('the hash pool does not run')
    if (signal.aborted) return undefined
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>()
    const search: Search = { job: Atomics.load(this.#current, 0), resolve, reject }
    const cancel = (): void => {
      if (this.#search === search) this.#end()?.resolve(undefined)
    }
    this.#search = search
    this.#meter.observe(this.hashes)
    const message: MiningJob = { job: search.job, header, target }
    for (const worker of this.#workers) worker.postMessage(message)
    signal.addEventListener('abort', cancel)
    return promise.finally(() => signal.removeEventListener('abort', cancel))
  }

  /** Of all threads together, since they started. */
  get hashes(): number {
    let total = 0n
    for (const [index] of this.#hashes.entries()) total += Atomics.load(this.#hashes, index)
    return Number(total)
  }

  /** Over the last ten seconds. */
  hashesPerSecond(): number {
    const { hashes } = this
    this.#meter.observe(hashes)
    return this.#meter.perSecond(hashes)
  }

  #found({ job, nonce }: MiningFind): void {
    if (this.#search?.job === job) this.#end()?.resolve(nonce)
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error))
    this.#end()?.reject(this.#failure)
  }

  /** Gives the search that was on. No thread works on it any more. */
  #end(): Search | undefined {
    const search = this.#search
    this.#search = undefined
    if (search !== undefined) Atomics.add(this.#current, 0, 1)
    return search
  }
}
