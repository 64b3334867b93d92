import type { Header } from '../core/block.js'
import type { EnvelopeBytes } from '../core/bytes.js'
import type { Fault } from '../core/fault.js'
import type { BlockName } from '../core/query.js'

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
