import assert from 'node:assert/strict'
import { toHex } from '#src/core/bytes.js'
import { present } from './changes.js'

/** Buffers and plain arrays of the same bytes are the same. */
export function assertBytes(actual: Uint8Array | undefined, expected: Uint8Array, what?: string): void {
  assert.equal(actual && toHex(actual), toHex(expected), what)
}

/** A copy with one bit of one byte changed; a negative index counts from the end. */
export function flipped(bytes: Uint8Array, index: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const at = index < 0 ? copy.length + index : index
  copy[at] = present(copy[at], `byte ${index}`) ^ 1
  return copy
}
