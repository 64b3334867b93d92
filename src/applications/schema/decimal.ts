/** A number as the integer `digits` times ten to the power `exponent`. */
interface Decimal {
  readonly digits: bigint
  readonly exponent: number
}

/**
 * Whether `value` is an integer times `factor`, exactly, both taken as the decimals that RFC 8785 writes for them:
 * 0.3 is three times 0.1, though their doubles are not.
 */
export function isMultipleOf(value: number, factor: number): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(factor)) return value % factor === 0
  const [one, other] = [decimalOf(value), decimalOf(factor)]
  const exponent = Math.min(one.exponent, other.exponent)
  return scaled(one, exponent) % scaled(other, exponent) === 0n
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to)
}

function decimalOf(value: number): Decimal {
  const [mantissa = '', power = '0'] = String(value).split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  return { digits: BigInt(whole + fraction), exponent: Number(power) - fraction.length }
}
