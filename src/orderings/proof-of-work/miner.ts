import {
  type Block,
  type CheckpointedHeader,
  encodeBlock,
  encodeHeader,
  signHeader
} from '../../core/block.js'
import { describeError } from '../../core/events.js'
import { describeFault } from '../../core/fault.js'
import { LIMITS } from '../../core/limits.js'
import type { BlockName } from '../../core/query.js'
import { Wakeup, within } from '../../lifecycle/waiting.js'
import type { Made, Producer, ProducerContext, Proposal } from '../producer.js'
import type { HashPool } from './hash-pool.js'
import { decodeProof, withNonce } from './work-proof.js'

export interface MinerOptions extends Omit<ProducerContext, 'threads' | 'randomBytes'> {
  /** Has started before the miner does. */
  readonly pool: Pick<HashPool, 'find' | 'hashesPerSecond'>
}

interface Request {
  readonly count: number
  readonly blocks: BlockName[]
  readonly resolve: (mined: Made) => void
}

/**
 * Mines on the head: draft, search, sign, import, and only then publish. A new head ends the search at once; a
 * search without a find begins again every second, with the messages that have come meanwhile. The proof is all
 * that takes long, so that nothing is lost by that.
 */
export class Miner implements Producer {
  readonly #stopping = new AbortController()
  readonly #changed = new Wakeup()
  readonly #requests: Request[] = []
  #round = new AbortController()
  #unasked: number
  #lastReport: number
  #running: Promise<void> | undefined

  constructor(private readonly options: MinerOptions) {
    this.#unasked = options.blocks
    this.#lastReport = options.clock()
  }

  async start(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    this.#running = this.#run().catch((error: unknown) => {
      this.#end()
      this.options.failed(error instanceof Error ? error : new Error(String(error)))
    })
  }

  async stop(): Promise<void> {
    this.#end()
    await this.#running
  }

  /** What is being searched for is not the next block any more. */
  headChanged(): void {
    this.#round.abort()
    this.#changed.wake()
  }

  /** A block may be due now. One that is being searched for takes them up within a second. */
  pendingChanged(): void {
    this.#changed.wake()
  }

  /**
   * Mines so many blocks, after those of earlier requests, and then goes on with those it mines unasked. Resolves
   * when they stand in its own chain, or with what is there when `signal` fires or the miner stops.
   */
  async produce(count: number, signal: AbortSignal): Promise<Made> {
    const { waiting, blocks } = LIMITS.miningRequests
    if (!Number.isSafeInteger(count) || count < 1 || count > blocks)
      return { ok: false, reason: `${count} blocks cannot be mined at a time; ask for 1 to ${blocks}` }
    if (this.#requests.length >= waiting)
      return {
        ok: false,
        reason: `${waiting} requests to mine wait already; ask again when one of them is done`
      }
    if (this.#stopping.signal.aborted) return { ok: false, reason: 'this miner is stopping' }
    const { promise, resolve } = Promise.withResolvers<Made>()
    const request: Request = { count, blocks: [], resolve }
    const end = (): void => this.#settle(request)
    signal.addEventListener('abort', end)
    this.#requests.push(request)
    if (signal.aborted) end()
    this.#changed.wake()
    return promise.finally(() => signal.removeEventListener('abort', end))
  }

  hashesPerSecond(): number {
    return this.options.pool.hashesPerSecond()
  }

  #end(): void {
    this.#stopping.abort()
    this.#round.abort()
    for (const request of [...this.#requests]) this.#settle(request)
  }

  #settle(request: Request): void {
    const { blocks, resolve } = request
    const index = this.#requests.indexOf(request)
    if (index !== -1) this.#requests.splice(index, 1)
    resolve({ ok: true, blocks })
    if (!this.#isWanted) this.#round.abort()
  }

  get #isWanted(): boolean {
    return this.#requests.length > 0 || this.#unasked > 0
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#round = new AbortController()
      const draft = this.#isWanted ? this.options.propose() : undefined
      if (draft === undefined) await this.#changed.wait(signal)
      else await this.#search(draft, this.#round.signal)
    }
  }

  async #search(draft: Proposal, round: AbortSignal): Promise<void> {
    const { pool, signer, rules } = this.options
    const { number } = decodeProof(draft.header.proof)
    const nonce = await pool.find(encodeHeader(draft.header), number, within(LIMITS.remineMs, round))
    this.#reportRate()
    if (nonce === undefined) return
    const signed = signHeader(withNonce(draft.header, nonce), signer, rules)
    await this.#show({ signed, envelopes: draft.envelopes })
  }

  async #show(block: Block): Promise<void> {
    const { importOwn, publish, report } = this.options
    const { signed } = block
    const { height } = signed.header
    const imported = await importOwn(block)
    switch (imported.kind) {
      case 'head':
        this.#count(signed)
        await publish(encodeBlock(block)).catch((error: unknown) => {
          // Whoever misses it asks for it.
          report({ event: 'warning', message: `block ${height} was not published: ${describeError(error)}` })
        })
        return
      case 'invalid':
        report({
          event: 'warning',
          message: `a block that was mined here is not valid (${describeFault(imported.fault)}); is the clock right?`
        })
        // The next one may be no better.
        return this.#changed.wait(this.#stopping.signal, LIMITS.remineMs)
      case 'superseded':
        return
    }
  }

  /** A block counts for the request that waits longest, and for none while nobody has asked. */
  #count({ header, id }: CheckpointedHeader): void {
    const [request] = this.#requests
    if (request === undefined) {
      this.#unasked = Math.max(0, this.#unasked - 1)
      return
    }
    request.blocks.push({ height: header.height, id })
    if (request.blocks.length === request.count) this.#settle(request)
  }

  #reportRate(): void {
    const { clock, pool, report } = this.options
    if (clock() - this.#lastReport < LIMITS.hashRateMs) return
    this.#lastReport = clock()
    report({ event: 'hashrate', hashesPerSecond: pool.hashesPerSecond() })
  }
}
