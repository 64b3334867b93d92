/** Bytes inside, hex at the edges. Brands keep bytes of different meaning apart. */

declare const brand: unique symbol
type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** 32 bytes of SHA-256: a leaf, a tree node, a root, a block id or a network id. */
export type Hash = Brand<Uint8Array, 'Hash'>
/** A libp2p PeerId as the bytes of its multihash. */
export type PeerIdBytes = Brand<Uint8Array, 'PeerId'>
/** A libp2p PublicKey message, checked to be the one canonical encoding of an acceptable key. */
export type PublicKeyBytes = Brand<Uint8Array, 'PublicKey'>
/** An encoded `Envelope`: what is stored, hashed into leaves and forwarded. */
export type EnvelopeBytes = Brand<Uint8Array, 'Envelope'>

export const HASH_LENGTH = 32

/** Throws RangeError unless `bytes` has the length of a hash. */
export function asHash(bytes: Uint8Array): Hash {
  if (bytes.length !== HASH_LENGTH)
    throw new RangeError(`a hash has ${HASH_LENGTH} bytes, this has ${bytes.length}`)
  return bytes as Hash
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** Bytes of a hex string of any case, or undefined if it is not one. */
export function fromHex(text: string): Uint8Array | undefined {
  return /^(?:[0-9a-f]{2})*$/i.test(text) ? Uint8Array.from(Buffer.from(text, 'hex')) : undefined
}

/** A hash from its 64 hex digits, or undefined. */
export function hashFromHex(text: string): Hash | undefined {
  const bytes = fromHex(text)
  return bytes?.length === HASH_LENGTH ? asHash(bytes) : undefined
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}

const encoder = new TextEncoder()

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}
