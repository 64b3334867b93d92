import { createHash } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { ed25519 } from '@noble/curves/ed25519.js'
import { concat, toHex } from '#src/core/bytes.js'
import { type Signer, signerOf } from '#src/core/keys.js'
import { fromHex } from './core.js'

/** The rule of docs/PROTOCOL.md section 2 once more, from points and integers alone, and signatures that only a forger makes. */

export const { Point } = ed25519
export type EdwardsPoint = InstanceType<typeof Point>
export const L = Point.Fn.ORDER
export const P = Point.Fp.ORDER

/** The eight points whose order divides 8: multiples of one that has order 8. */
export const SMALL_ORDER: readonly EdwardsPoint[] = (() => {
  const eighth = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa')
  const points = [Point.ZERO]
  while (points.length < 8) points.push((points.at(-1) ?? Point.ZERO).add(eighth))
  return points
})()

/** All encodings of 32 bytes that a lenient reader takes for one of these: eight that are canonical, six that are not. */
export const SMALL_ORDER_ENCODINGS: readonly Uint8Array[] = [0n, 1n, P - 1n, P, P + 1n]
  .concat(SMALL_ORDER.filter(point => point.x !== 0n && point.y !== 0n).map(({ y }) => y))
  .filter((y, index, all) => all.indexOf(y) === index)
  .flatMap(y => [littleEndian(y), littleEndian(y + 2n ** 255n)])

/** 32 bytes, least first. */
export function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).reverse()
}

export function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.toReversed())}`)
}

export function challenge(r: Uint8Array, a: Uint8Array, message: Uint8Array): bigint {
  const hash = createHash('sha512').update(r).update(a).update(message).digest()
  return fromLittleEndian(hash) % L
}

export function isValid(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false
  const [r, s] = [signature.subarray(0, 32), fromLittleEndian(signature.subarray(32))]
  const [A, R] = [decoded(key), decoded(r)]
  if (s >= L || A === undefined || R === undefined || isSmall(A) || isSmall(R)) return false
  return times(Point.BASE, s).equals(R.add(times(A, challenge(r, key, message))))
}

function isSmall(point: EdwardsPoint): boolean {
  return point.double().double().double().equals(Point.ZERO)
}

/** The point that these bytes are the one canonical encoding of. */
function decoded(bytes: Uint8Array): EdwardsPoint | undefined {
  if (bytes.length !== 32) return undefined
  try {
    const point = Point.fromBytes(Uint8Array.from(bytes), true)
    return toHex(point.toBytes()) === toHex(bytes) ? point : undefined
  } catch {
    return undefined
  }
}

export function times(point: EdwardsPoint, scalar: bigint): EdwardsPoint {
  return scalar === 0n ? Point.ZERO : point.multiplyUnsafe(scalar)
}

/** A signature with `secret` that keeps to no rule: any point beside R and A, any encoding of R. */
export interface Forgery {
  readonly secret: bigint
  readonly nonce: bigint
  /** A is secret × B and this. */
  readonly besideA: EdwardsPoint
  /** R is nonce × B and this. */
  readonly besideR: EdwardsPoint
  /** In place of R's own encoding. */
  readonly encodedR?: Uint8Array
}

export function forge(forgery: Forgery, message: Uint8Array): { key: Uint8Array; signature: Uint8Array } {
  const { secret, nonce, besideA, besideR } = forgery
  const key = times(Point.BASE, secret).add(besideA).toBytes()
  const r = forgery.encodedR ?? times(Point.BASE, nonce).add(besideR).toBytes()
  const s = (nonce + challenge(r, key, message) * secret) % L
  return { key, signature: concat(r, littleEndian(s)) }
}

/** Who has an honest key and signs with it so that R is the neutral element: the equation of the rule holds. */
export function smallOrderSigner(key: PrivateKey): Signer {
  const { scalar: secret } = ed25519.utils.getExtendedPublicKey(key.raw.subarray(0, 32))
  const forgery = { secret, nonce: 0n, besideA: Point.ZERO, besideR: Point.ZERO }
  return { ...signerOf(key), sign: data => forge(forgery, data).signature }
}
