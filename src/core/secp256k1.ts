import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'

/**
 * ECDSA on secp256k1 with SHA-256, by one exact rule: strict DER, r and s from 1 to n-1, s not above n/2. node:crypto also
 * takes other forms, so these are refused here, before it is asked. What remains is one equation; node:crypto checks it
 * in a quarter of the time that a library in JavaScript takes, and every stranger can have it checked.
 */
export class Secp256k1Key {
  readonly #key: KeyObject

  /** `raw`: a compressed point of the curve. Throws an Error for others. */
  constructor(raw: Uint8Array) {
    this.#key = createPublicKey({ format: 'der', type: 'spki', key: Buffer.concat([SPKI, raw]) })
  }

  verify(data: Uint8Array, signature: Uint8Array): boolean {
    const numbers = strictlyRead(signature)
    return (
      numbers !== undefined && verify('sha256', data, { key: this.#key, dsaEncoding: 'ieee-p1363' }, numbers)
    )
  }
}

/** r and s, 32 bytes each. Undefined where they are out of range, or encoded otherwise. */
function strictlyRead(signature: Uint8Array): Uint8Array | undefined {
  try {
    const read = secp256k1.Signature.fromBytes(signature, 'der')
    return read.hasHighS() ? undefined : read.toBytes('compact')
  } catch {
    return undefined
  }
}

/** What stands before a compressed point: SEQUENCE { SEQUENCE { id-ecPublicKey, secp256k1 }, BIT STRING of 33 bytes }. */
const SPKI = Buffer.from('3036301006072a8648ce3d020106052b8104000a032200', 'hex')
