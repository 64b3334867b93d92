/** What was measured, and the figure as people read it. */
export type Row = readonly [string, string]

export function printRows(rows: readonly Row[]): void {
  for (const [what, figure] of rows) process.stdout.write(`${what.padEnd(46)} ${figure}\n`)
}

export function decimals(value: number): number {
  return Math.round(value * 1000) / 1000
}
