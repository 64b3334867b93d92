import { printResult } from '#src/cli/terminal/terminal.js'
/** What was measured, and the figure as people read it. */
export type Row = readonly [string, string]

export function printRows(rows: readonly Row[]): void {
  for (const [what, figure] of rows) printResult(`${what.padEnd(46)} ${figure}`)
}

export function decimals(value: number): number {
  return Math.round(value * 1000) / 1000
}
