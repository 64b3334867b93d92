import { createHash } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { ed25519 } from '@noble/curves/ed25519.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { concat } from '#src/core/bytes.js'

/** Signatures that some libraries take and the rules of section 2 refuse. */

const L = ed25519.Point.Fn.ORDER
const IDENTITY = Uint8Array.of(1, ...new Uint8Array(31))

/** A key of small order: `smallOrderSignature` fits whatever is said. */
export const SMALL_ORDER_KEY = concat(Uint8Array.of(0x08, 0x01, 0x12, 0x20), IDENTITY)

/** R is the base point and S is 1: S·B = R + k·A holds for each k, as A is the neutral point. */
export function smallOrderSignature(): Uint8Array {
  return concat(ed25519.Point.BASE.toBytes(), Uint8Array.of(1, ...new Uint8Array(31)))
}

/** R is the neutral point: S = k·a, so that S·B = R + k·A. Only who has the key can make it. */
export function withSmallR(data: Uint8Array, key: PrivateKey): Uint8Array {
  const seed = key.raw.subarray(0, 32)
  const { scalar } = ed25519.utils.getExtendedPublicKey(seed)
  const k =
    littleEndian(
      createHash('sha512')
        .update(concat(IDENTITY, key.publicKey.raw, data))
        .digest()
    ) % L
  return concat(IDENTITY, ofScalar((k * scalar) % L))
}

/** The same signature with L added to S. */
export function withLargeS(signature: Uint8Array): Uint8Array {
  return concat(signature.subarray(0, 32), ofScalar(littleEndian(signature.subarray(32)) + L))
}

/** The other signature of a pair that ECDSA takes alike. */
export function withHighS(signature: Uint8Array): Uint8Array {
  const { r, s } = secp256k1.Signature.fromBytes(signature, 'der')
  return new secp256k1.Signature(r, secp256k1.Point.Fn.ORDER - s).toBytes('der')
}

/** The same with a zero before S, and lengths that say so. */
export function withLongDer(signature: Uint8Array): Uint8Array {
  const [tag = 0, length = 0, ...rest] = signature
  const sAt = 2 + (rest[1] ?? 0)
  const [sTag = 0, sLength = 0, ...s] = rest.slice(sAt)
  return Uint8Array.of(tag, length + 1, ...rest.slice(0, sAt), sTag, sLength + 1, 0, ...s)
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
}

function ofScalar(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse())
}
