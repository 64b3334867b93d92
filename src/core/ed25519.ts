import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'

/**
 * Pure Ed25519 (RFC 8032) by one exact rule, docs/PROTOCOL.md section 2. Libraries differ on points of small order and
 * on encodings that are not canonical, so these are refused here, before a library is asked. What remains is the
 * equation without the cofactor, on which they agree.
 */

const POINT_BYTES = 32
const SIGNATURE_BYTES = 64
/** The field's prime, 2^255 - 19, and the order of the base point; like all numbers here, least byte first. */
const P = fromHex(`ed${'ff'.repeat(30)}7f`)
const L = fromHex(`edd3f55c1a631258d69cf7a2def9de14${'00'.repeat(15)}10`)
/** Each y of a point whose order divides 8, below P. The bit above y is the sign of x. */
const SMALL_ORDER_Y = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
].map(fromHex)

/** A public key that was looked at: its point is on the curve, canonically encoded, and not of small order. */
export class Ed25519Key {
  readonly #key: KeyObject

  /** Throws an Error for bytes that are no such key. */
  constructor(raw: Uint8Array) {
    const problem = pointProblem(raw)
    if (problem !== undefined) throw new TypeError(`an Ed25519 key ${problem}`)
    // Throws where no point has this y.
    ed25519.Point.fromBytes(raw)
    const x = Buffer.from(raw).toString('base64url')
    this.#key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } })
  }

  verify(data: Uint8Array, signature: Uint8Array): boolean {
    return isWellFormed(signature) && verify(null, data, this.#key, signature)
  }
}

/** 64 bytes: R canonical and not of small order, and S below L. The equation is the library's to check. */
function isWellFormed(signature: Uint8Array): boolean {
  return (
    signature.length === SIGNATURE_BYTES &&
    isBelow(signature.subarray(POINT_BYTES), L) &&
    pointProblem(signature.subarray(0, POINT_BYTES)) === undefined
  )
}

/** What is wrong with the encoding of a point. It does not say whether there is a point with this y. */
function pointProblem(encoded: Uint8Array): string | undefined {
  if (encoded.length !== POINT_BYTES) return `of ${encoded.length} bytes; it has ${POINT_BYTES}`
  const y = Uint8Array.from(encoded)
  y[31] = (y[31] ?? 0) & 0x7f
  if (!isBelow(y, P)) return 'that is not canonically encoded'
  // With either sign: x is 0 at two of them, so there a sign of 1 is not canonical besides.
  if (SMALL_ORDER_Y.some(small => Buffer.compare(small, y) === 0)) return 'of small order'
  return undefined
}

/** Of two numbers of 32 bytes. */
function isBelow(number: Uint8Array, bound: Uint8Array): boolean {
  for (let index = POINT_BYTES - 1; index >= 0; index--) {
    const difference = (number[index] ?? 0) - (bound[index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
