import type { EnvelopeBytes, PeerIdBytes } from '../core/bytes.js'
import type { NodeInfo } from '../core/node-info.js'
import type { BlockName, HeadClaim } from '../core/query.js'
import type { Fate } from '../core/submission.js'

/** What a node of a network of equals gives to those who ask it. Whoever puts the node together fills it in. */
export interface EqualSource extends OwnedNode {
  info(): NodeInfo
  /** Judges messages that a peer has brought, one fate for each, in their order. Those accepted are on disk when it resolves. */
  take(envelopes: readonly EnvelopeBytes[], from: PeerIdBytes): Promise<readonly Fate[]>
  /** Looks at the chain that a connected peer serves, and takes it if it holds and is to be the head. Ends early when `signal` fires. */
  consider(peer: PeerIdBytes, claim: HeadClaim, signal: AbortSignal): Promise<Outcome>
}

/** What only the owner of a node may have it do. */
export interface OwnedNode {
  readonly owners: readonly PeerIdBytes[]
  /** Makes so many blocks now. Resolves when they stand in its own chain, or with what is there when `signal` fires. */
  mine(count: number, signal: AbortSignal): Promise<Mined>
  /** Stops the node, as SIGTERM does. */
  shutdown(): void
}

export type Mined =
  | { readonly ok: true; readonly blocks: readonly BlockName[] }
  | { readonly ok: false; readonly reason: string }

/** What became of a chain that was offered. */
export type Outcome =
  /** It is the node's own now, with this head. */
  | ({ readonly kind: 'taken' } & BlockName)
  | { readonly kind: 'notTaken'; readonly reason: OfferReason; readonly detail: string }

/**
 * Why a chain was not taken: another one is heavier, or is as heavy and goes first; its first fault; it would replace
 * more blocks than may ever be replaced; who offered it does not give it.
 */
export type OfferReason = 'not heavier' | 'invalid' | 'too deep' | 'unreachable'
