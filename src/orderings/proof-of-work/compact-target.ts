/**
 * Targets in the compact form of Bitcoin's nBits: a byte with the length of the number in bytes, then its three
 * leading bytes, of which the highest bit would be a sign. Only one form of each number is taken here, no zero
 * and nothing below it.
 */

const SPACE = 1n << 256n

/** Undefined unless it is the one compact form of a number over 0 and below 2^256. */
export function decodeCompact(compact: number): bigint | undefined {
  const length = BigInt(compact >>> 24)
  const leading = BigInt(compact & 0x7fffff)
  const target = length <= 3n ? leading >> (8n * (3n - length)) : leading << (8n * (length - 3n))
  if (target === 0n || target >= SPACE || encodeCompact(target) !== compact) return undefined
  return target
}

/** Of the largest number not over `target` that has a compact form. */
export function encodeCompact(target: bigint): number {
  const length = BigInt(Math.ceil(target.toString(16).length / 2))
  const leading = length <= 3n ? target << (8n * (3n - length)) : target >> (8n * (length - 3n))
  // The highest bit is the sign's: such a number is written one byte longer.
  const [size, digits] = leading < 0x800000n ? [length, leading] : [length + 1n, leading >> 8n]
  return target === 0n ? 0 : Number((size << 24n) | digits)
}

/** As it stands in a network document: 8 hex digits. */
export function compactFromText(text: string): number {
  return Number.parseInt(text, 16)
}

export function compactToText(compact: number): string {
  return compact.toString(16).padStart(8, '0')
}

/** How many hashes it takes on average to find one that is not over `target`. */
export function workOf(target: bigint): bigint {
  return SPACE / (target + 1n)
}
