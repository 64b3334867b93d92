import type { Imported } from '../../chain/chain.js'
import type { Draft } from '../../chain/cursor.js'
import {
  type Block,
  type CheckpointedHeader,
  encodeBlock,
  encodeHeader,
  signHeader
} from '../../core/block.js'
import { describeFault } from '../../core/fault.js'
import type { Signer } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import type { Ordering } from '../../orderings/ordering.js'
import { decodeProof, withNonce } from '../../orderings/work/work-proof.js'
import { describeError, type Report } from '../events.js'
import type { Service } from '../service.js'
import { Wakeup, within } from '../waiting.js'
import type { HashPool } from './hash-pool.js'

export interface MinerOptions {
  /** The next block over what waits now, prepared for its proof; undefined while none is due. */
  readonly propose: () => Draft | undefined
  readonly importOwn: (block: Block) => Promise<Imported>
  /** Shows an encoded block to all. */
  readonly publish: (block: Uint8Array) => Promise<void>
  /** Has started before the miner does. */
  readonly pool: Pick<HashPool, 'find' | 'hashesPerSecond'>
  readonly signer: Signer
  readonly ordering: Pick<Ordering, 'hasCheckpoints'>
  /** How many blocks it mines unasked; Infinity: without end. */
  readonly blocks: number
  /** ms, never set back. */
  readonly clock: () => number
  readonly report: Report
  /** Hears of what it cannot go on after, once. */
  readonly failed: (error: Error) => void
}

/** What became of a request to mine. `headers`: of the blocks that were mined for it. */
export type Mined =
  | { readonly kind: 'mined'; readonly headers: readonly CheckpointedHeader[] }
  /** The miner has stopped before. */
  | { readonly kind: 'stopped'; readonly headers: readonly CheckpointedHeader[] }
  | { readonly kind: 'refused'; readonly detail: string }

interface Request {
  readonly count: number
  readonly headers: CheckpointedHeader[]
  readonly resolve: (mined: Mined) => void
}

/**
 * Mines on the head: draft, search, sign, import, and only then publish. A new head ends the search at once; a
 * search without a find begins again every second, with the messages that have come meanwhile. The proof is all
 * that takes long, so that nothing is lost by that.
 */
export class Miner implements Service {
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
  messagesCame(): void {
    this.#changed.wake()
  }

  /** Mines so many blocks beside those it mines unasked, after those of earlier requests. */
  mine(count: number): Promise<Mined> {
    const { waiting, blocks } = LIMITS.miningRequests
    if (!Number.isSafeInteger(count) || count < 1 || count > blocks)
      return refused(`${count} blocks cannot be mined at a time; ask for 1 to ${blocks}`)
    if (this.#requests.length >= waiting)
      return refused(`${waiting} requests to mine are waiting already; ask again when one of them is done`)
    if (this.#stopping.signal.aborted) return Promise.resolve({ kind: 'stopped', headers: [] })
    return new Promise(resolve => {
      this.#requests.push({ count, headers: [], resolve })
      this.#changed.wake()
    })
  }

  #end(): void {
    this.#stopping.abort()
    this.#round.abort()
    for (const { headers, resolve } of this.#requests.splice(0)) resolve({ kind: 'stopped', headers })
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#round = new AbortController()
      const isWanted = this.#requests.length > 0 || this.#unasked > 0
      const draft = isWanted ? this.options.propose() : undefined
      if (draft === undefined) await this.#changed.wait(signal)
      else await this.#search(draft, this.#round.signal)
    }
  }

  async #search(draft: Draft, round: AbortSignal): Promise<void> {
    const { pool, signer, ordering } = this.options
    const { number } = decodeProof(draft.header.proof)
    const nonce = await pool.find(encodeHeader(draft.header), number, within(LIMITS.remineMs, round))
    this.#reportRate()
    if (nonce === undefined) return
    const signed = signHeader(withNonce(draft.header, nonce), signer, ordering)
    await this.#show({ signed, envelopes: draft.envelopes })
  }

  async #show(block: Block): Promise<void> {
    const { importOwn, publish, report } = this.options
    const { signed } = block
    const { height } = signed.header
    const imported = await importOwn(block)
    switch (imported.kind) {
      case 'extended':
      case 'reorganized':
        report({ event: 'block', signed })
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
      case 'beside':
      case 'known':
      case 'orphan':
      case 'conflict':
        // Another one came first.
        return
    }
  }

  /** A block counts for the request that waits longest, and for none while nobody has asked. */
  #count(signed: CheckpointedHeader): void {
    const [request] = this.#requests
    if (request === undefined) {
      this.#unasked -= 1
      return
    }
    request.headers.push(signed)
    if (request.headers.length < request.count) return
    this.#requests.shift()
    request.resolve({ kind: 'mined', headers: request.headers })
  }

  #reportRate(): void {
    const { clock, pool, report } = this.options
    if (clock() - this.#lastReport < LIMITS.hashRateMs) return
    this.#lastReport = clock()
    report({ event: 'hashrate', hashesPerSecond: pool.hashesPerSecond() })
  }
}

function refused(detail: string): Promise<Mined> {
  return Promise.resolve({ kind: 'refused', detail })
}
