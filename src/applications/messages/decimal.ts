/** A decimal, whatever its sign, as `rest` times powers of two and of five, and `rest` has neither as a factor. */
export interface Factors {
  readonly rest: bigint
  readonly twos: number
  readonly fives: number
}

/**
 * Whether one decimal is an integer times the other, exactly. It takes the same short time for any two: their quotient is
 * not made, which would have hundreds of digits.
 */
export function isMultipleOf(value: Factors, factor: Factors): boolean {
  return value.twos >= factor.twos && value.fives >= factor.fives && value.rest % factor.rest === 0n
}

/** A multiple of every number. */
const ZERO: Factors = { rest: 0n, twos: Number.POSITIVE_INFINITY, fives: Number.POSITIVE_INFINITY }

/** Of the decimal that RFC 8785 writes for a number: 0.3 is three times 0.1, though their doubles are not. */
export function factorsOf(value: number): Factors {
  if (value === 0) return ZERO
  const [mantissa = '', power = '0'] = String(Math.abs(value)).split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const exponent = Number(power) - fraction.length
  let [rest, twos, fives] = [BigInt(whole + fraction), exponent, exponent]
  for (; rest % 2n === 0n; rest /= 2n) twos += 1
  for (; rest % 5n === 0n; rest /= 5n) fives += 1
  return { rest, twos, fives }
}
