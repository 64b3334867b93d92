import type { Header } from '../../core/block.js'
import { DecodeError, decodeCanonical, expectLength } from '../../core/codec.js'
import { WorkProof } from '../../core/wire/tallystick.js'
import { decodeCompact } from './compact-target.js'
import { NONCE_BYTES } from './search.js'

/** The `proof` of a header. Encoded, its nonce is the end of the encoded header. */
export interface Proof {
  /** In compact form. */
  readonly target: number
  readonly nonce: Uint8Array
}

export function encodeProof(proof: Proof): Uint8Array {
  return WorkProof.encode(proof)
}

/** With the number that its target stands for. Throws DecodeError. */
export function decodeProof(bytes: Uint8Array): Proof & { readonly number: bigint } {
  const proof = decodeCanonical('proof', WorkProof, bytes)
  expectLength('proof nonce', proof.nonce, NONCE_BYTES)
  const number = decodeCompact(proof.target)
  if (number === undefined) throw new DecodeError('proof target: not the compact form of a target')
  return { ...proof, number }
}

/** The same header with another nonce. Throws DecodeError where it has no proof. */
export function withNonce(header: Header, nonce: Uint8Array): Header {
  const { target } = decodeProof(header.proof)
  return { ...header, proof: encodeProof({ target, nonce }) }
}
