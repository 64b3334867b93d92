import type { PeerIdBytes } from '../../core/bytes.js'
import type { BlockName, HeadClaim } from '../../core/query.js'

/** Looks at the chain that a connected peer serves, and takes it if it holds and is to be the head. Ends early when `signal` fires. */
export type ConsiderOffer = (
  peer: PeerIdBytes,
  claim: HeadClaim,
  signal: AbortSignal
) => Promise<OfferOutcome>

/** What became of a chain that was offered. */
export type OfferOutcome =
  /** It is the node's own now, with this head. */
  | ({ readonly kind: 'taken' } & BlockName)
  | { readonly kind: 'notTaken'; readonly reason: OfferReason; readonly detail: string }

/**
 * Why a chain was not taken: another one is heavier, or is as heavy and goes first; its first fault; it would replace
 * more blocks than may ever be replaced; who offered it does not give it.
 */
export type OfferReason = 'not heavier' | 'invalid' | 'too deep' | 'unreachable'
