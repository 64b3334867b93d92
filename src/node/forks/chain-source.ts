import type { Block, CheckpointedHeader } from '../../core/block.js'
import type { Hash, PeerIdBytes } from '../../core/bytes.js'

/** The end of a chain as a peer has it: its word alone. */
export interface ClaimedHead {
  readonly height: number
  readonly id: Hash
  /** Of all blocks up to there. */
  readonly weight: bigint
}

/** The chain of another peer, as it answers. What it gives shows its work; where it stands is to be checked. */
export interface ChainSource {
  readonly peer: PeerIdBytes
  claimedHead(): Promise<ClaimedHead>
  headerAt(height: number): Promise<CheckpointedHeader>
  /** One page of headers from a height on, in order; empty past the head. */
  headerPage(from: number, limit: number): AsyncIterable<CheckpointedHeader>
  /** The blocks of these ids, in this order; it ends at the first that the peer does not have. */
  blocksById(ids: readonly Hash[]): AsyncIterable<Block>
}
