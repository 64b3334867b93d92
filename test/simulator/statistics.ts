/** The value below which the given share of all values lies, by nearest rank; undefined without any. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

export function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}

/** A share that a theory expects, beside what was counted in so many trials. */
export interface Expectation {
  readonly expected: number
  /** 2σ of a binomial of the expected share. */
  readonly samplingError: number
  readonly isWithin: boolean
}

export function expectation(expected: number, measured: number, trials: number): Expectation {
  const samplingError = trials === 0 ? 1 : 2 * Math.sqrt((expected * (1 - expected)) / trials)
  return { expected, samplingError, isWithin: Math.abs(measured - expected) <= samplingError }
}
