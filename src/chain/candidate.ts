import type { EnvelopeBytes, Hash, PeerIdBytes } from '../core/bytes.js'

/** A message that has been found valid, on its way to a position. */
export interface Candidate {
  readonly envelope: EnvelopeBytes
  readonly leaf: Hash
  readonly author: PeerIdBytes
  readonly sequence: bigint
}
