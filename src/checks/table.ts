import type { CheckResult } from './checks.js'

/**
 * Test cases for people: name, what is checked, result; and what was found where that is not as it should be.
 * `summary` stands before the last line.
 */
export function tableOf(checks: readonly CheckResult[], summary: readonly string[]): string[] {
  const nameWidth = width(
    'test case',
    checks.map(({ name }) => name)
  )
  const whatWidth = width(
    'what is checked',
    checks.map(({ what }) => what)
  )
  const row = (name: string, what: string, result: string): string =>
    `${name.padEnd(nameWidth)}  ${what.padEnd(whatWidth)}  ${result}`
  const failed = checks.filter(({ ok }) => !ok).length
  return [
    row('test case', 'what is checked', 'result'),
    row('-'.repeat(nameWidth), '-'.repeat(whatWidth), '------'),
    ...checks.flatMap(({ name, what, ok, detail }) => [
      row(name, what, ok ? 'ok' : 'FAILED'),
      ...(ok ? [] : detail.split('\n').map(line => `  ${line}`))
    ]),
    '',
    ...summary,
    failed === 0 ? `all ${checks.length} test cases hold` : `${failed} of ${checks.length} test cases FAILED`
  ]
}

function width(title: string, values: readonly string[]): number {
  return Math.max(title.length, ...values.map(({ length }) => length))
}
