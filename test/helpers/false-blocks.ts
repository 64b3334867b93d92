import type { Header } from '#src/core/block.js'
import { utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { NONCE_BYTES } from '#src/orderings/proof-of-work/search.js'
import { decodeProof, encodeProof } from '#src/orderings/proof-of-work/work-proof.js'
import type { BlockWishes } from './fork-maker.js'

const ANOTHER = sha256(utf8('another'))

/** Blocks with something false in them, which the work covers, by what it is. */
export const FAULTS = {
  network: forged(() => ({ network: ANOTHER })),
  parent: forged(() => ({ parent: ANOTHER })),
  size: forged(({ size }) => ({ size: size + 1 })),
  root: forged(() => ({ root: ANOTHER })),
  log: forged(() => ({ log: ANOTHER })),
  state: forged(() => ({ state: ANOTHER })),
  target: forged(({ proof }) => ({
    proof: encodeProof({ target: decodeProof(proof).target + 1, nonce: new Uint8Array(NONCE_BYTES) })
  }))
} as const

function forged(header: (honest: Header) => Partial<Header>): BlockWishes {
  return { forgery: { header } }
}
