import { concat } from '#src/core/bytes.js'
import { varint } from '../../core/protobuf.js'

/** Protobuf as no honest encoder writes it. */

/** A field of bytes, its length in one byte more than it takes where `isLong`. */
export function bytesField(number: number, bytes: Uint8Array, isLong = false): Uint8Array {
  return concat(varint(BigInt(number * 8 + 2)), length(bytes.length, isLong), bytes)
}

export function numberField(number: number, value: bigint, isLong = false): Uint8Array {
  return concat(varint(BigInt(number * 8)), isLong ? longVarint(value) : varint(value))
}

/** With one byte more than it takes. */
function longVarint(value: bigint): Uint8Array {
  const bytes = varint(value)
  return Uint8Array.of(...bytes.slice(0, -1), (bytes.at(-1) ?? 0) | 0x80, 0)
}

function length(value: number, isLong: boolean): Uint8Array {
  return isLong ? longVarint(BigInt(value)) : varint(BigInt(value))
}
