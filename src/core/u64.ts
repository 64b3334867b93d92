/** Amounts are u64: BigInt inside, decimal digits in JSON. */

export const U64_MAX = 2n ** 64n - 1n

/** What the digits say; undefined with a sign, a leading zero, anything else in them, or past the largest u64. */
export function u64FromText(text: string): bigint | undefined {
  if (!/^(?:0|[1-9]\d{0,19})$/.test(text)) return undefined
  const value = BigInt(text)
  return value <= U64_MAX ? value : undefined
}
