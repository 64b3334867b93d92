import { DecodeError, decodeCanonical, expectLength } from '../../core/codec.js'
import { WorkProof } from '../../core/wire/tallystick.js'
import { decodeCompact } from './compact-target.js'

/** 8 bytes that a worker has for its own, and 8 in which it counts. */
export const NONCE_BYTES = 16

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
