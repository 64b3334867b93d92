import { DecodeError } from './codec.js'

/** The most that 2^53 blocks of weight 2^256 come to. */
const LONGEST = 39

/** The total weight of a chain, big-endian without leading zeros: no bytes for 0. */
export function encodeWeight(weight: bigint): Uint8Array {
  if (weight === 0n) return new Uint8Array(0)
  const digits = weight.toString(16)
  return Uint8Array.from(Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex'))
}

/** Throws DecodeError. */
export function decodeWeight(what: string, bytes: Uint8Array): bigint {
  if (bytes[0] === 0) throw new DecodeError(`${what} weight: it begins with a zero`)
  if (bytes.length > LONGEST) throw new DecodeError(`${what} weight: ${bytes.length} bytes are too many`)
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}
