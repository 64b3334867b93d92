import type { DemoResult } from './demo.js'

/** The test cases for people: name, what is checked, result; and what was found where that is not as it should be. */
export function tableOf({ checks, ...totals }: DemoResult): string {
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
    summaryOf(totals),
    failed === 0 ? `all ${checks.length} test cases hold` : `${failed} of ${checks.length} test cases FAILED`
  ].join('\n')
}

function summaryOf({ sent, accepted, blocks, pending, p50, p99 }: Omit<DemoResult, 'checks'>): string {
  const times = p50 === null ? '' : `; receipts after ${p50.toFixed(1)} ms (p50), ${p99?.toFixed(1)} ms (p99)`
  return `${sent} sent, ${accepted} accepted, ${blocks ?? 'unknown'} blocks, ${pending ?? 'unknown'} pending${times}`
}

function width(title: string, values: readonly string[]): number {
  return Math.max(title.length, ...values.map(({ length }) => length))
}
