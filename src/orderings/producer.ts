import type { Block, Header, HeaderRules } from '../core/block.js'
import type { EnvelopeBytes } from '../core/bytes.js'
import type { Report } from '../core/events.js'
import type { Fault } from '../core/fault.js'
import type { Signer } from '../core/keys.js'
import type { BlockName } from '../core/query.js'
import type { Service } from '../lifecycle/service.js'

/** Extends the chain of its node where it may: by a search, or when its turn comes. */
export interface Producer extends Service {
  /** What it was about to make is not the next block any more. */
  headChanged(): void
  /** A block may be due now. */
  pendingChanged(): void
  /**
   * Makes so many blocks, after those of earlier requests, and then goes on with those that it makes unasked. Resolves
   * when they stand in its own chain, or with what is there when `signal` fires or it stops.
   */
  produce(count: number, signal: AbortSignal): Promise<Made>
  /** 0 where it searches for nothing. */
  hashesPerSecond(): number
}

/** What a producer may touch of its node. */
export interface ProducerContext {
  /** The next block over what is pending now, prepared for its proof; undefined while none is due. */
  readonly propose: () => Proposal | undefined
  /** Takes a block of its own into the chain, as if it came from elsewhere. */
  readonly importOwn: (block: Block) => Promise<OwnBlock>
  /** Shows an encoded block to all. Only what stands in the own chain is shown. */
  readonly publish: (block: Uint8Array) => Promise<void>
  readonly signer: Signer
  readonly rules: Pick<HeaderRules, 'hasCheckpoints'>
  /** How many blocks it makes unasked; Infinity: without end. */
  readonly blocks: number
  /** Threads that may search. */
  readonly threads: number
  readonly randomBytes: (length: number) => Uint8Array
  /** ms, never set back. */
  readonly clock: () => number
  readonly report: Report
  /** Hears of what it cannot go on after, once. */
  readonly failed: (error: Error) => void
}

/** The next block without its proof and its signature. */
export interface Proposal {
  readonly header: Header
  readonly envelopes: readonly EnvelopeBytes[]
}

/** What became of a block that was made here. `superseded`: another one came first. */
export type OwnBlock =
  | { readonly kind: 'head' | 'superseded' }
  | { readonly kind: 'invalid'; readonly fault: Fault }

/** The blocks that were made on request, or why none can be. */
export type Made =
  | { readonly ok: true; readonly blocks: readonly BlockName[] }
  | { readonly ok: false; readonly reason: string }
