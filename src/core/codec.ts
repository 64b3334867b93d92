import type { DecodeOptions } from 'protons-runtime'
import { asHash, equal, HASH_LENGTH, type Hash } from './bytes.js'

/** Thrown by decoders; says what was being read and why it is refused. */
export class DecodeError extends Error {
  override name = 'DecodeError'
}

interface Codec<T> {
  encode(value: NoInfer<T>): Uint8Array
  decode(bytes: Uint8Array, options?: DecodeOptions<T>): T
}

/**
 * Decodes one protobuf message and refuses whatever is not its canonical encoding: unknown, repeated or
 * reordered fields, spelled-out defaults and over-long varints all differ once encoded again.
 * `limits`: how many elements of repeated fields are read at most; a few bytes of one make an object of many.
 * Throws DecodeError.
 */
export function decodeCanonical<T>(
  what: string,
  codec: Codec<T>,
  bytes: Uint8Array,
  limits?: DecodeOptions<T>['limits']
): T {
  let value: T
  try {
    value = codec.decode(bytes, limits && { limits })
  } catch (error) {
    throw new DecodeError(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!equal(codec.encode(value), bytes)) throw new DecodeError(`${what}: not the canonical encoding`)
  return value
}

/** Throws DecodeError unless the field has the given length in bytes. */
export function expectLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length)
    throw new DecodeError(`${what}: expected ${length} bytes, found ${bytes.length}`)
}

/** Throws DecodeError unless it has the length of a hash. */
export function decodeHash(what: string, bytes: Uint8Array): Hash {
  expectLength(what, bytes, HASH_LENGTH)
  return asHash(bytes)
}
