import { bad, good, type Line, textOf, wrapped } from '#src/cli/terminal/styled.js'
import { printJson, printResult } from '#src/cli/terminal/terminal.js'
import type { CheckResult } from './checks.js'

/** Of a terminal. */
const COLUMNS = 80
const GAP = '  '
const RESULT = 'result'

/**
 * Test cases for people, in 80 columns: name, what is checked, result; and what was found where that is not as it should
 * be. `summary` stands before the last line, each line of it whole: a command in it is there to be copied.
 */
export function tableOf(checks: readonly CheckResult[], summary: readonly string[]): Line[] {
  const nameWidth = width(
    'test case',
    checks.map(({ name }) => name)
  )
  const most = COLUMNS - nameWidth - RESULT.length - 2 * GAP.length
  const wide = width(
    'what is checked',
    checks.map(({ what }) => what)
  )
  const whatWidth = Math.min(wide, most)
  const row = (name: string, what: string, result: Line): Line[] => {
    const [first = '', ...more] = wrapped(what, whatWidth).map(textOf)
    const spans = typeof result === 'string' ? [result] : result
    return [
      [`${name.padEnd(nameWidth)}${GAP}${first.padEnd(whatWidth)}${GAP}`, ...spans],
      ...more.map(line => `${' '.repeat(nameWidth)}${GAP}${line}`)
    ]
  }
  const failed = checks.filter(({ ok }) => !ok).length
  return [
    ...row('test case', 'what is checked', RESULT),
    ...row('-'.repeat(nameWidth), '-'.repeat(whatWidth), '-'.repeat(RESULT.length)),
    ...checks.flatMap(({ name, what, ok, detail }) => [
      ...row(name, what, [ok ? good('ok') : bad('FAILED')]),
      ...(ok ? [] : detail.split('\n').map(line => `  ${line}`))
    ]),
    '',
    ...summary,
    failed === 0
      ? `all ${checks.length} test cases hold`
      : [bad(`${failed} of ${checks.length} test cases FAILED`)]
  ]
}

function width(title: string, values: readonly string[]): number {
  return Math.max(title.length, ...values.map(({ length }) => length))
}

/** As one JSON object or as a table. A check that failed makes the exit code. */
export function showResult(
  result: { readonly checks: readonly CheckResult[] },
  summary: readonly string[],
  json: true | undefined
): void {
  if (json) {
    const checks = result.checks.map(({ name, ok, detail }) => ({ name, ok, detail }))
    printJson({ ...result, checks })
  } else printResult(...tableOf(result.checks, summary))
  if (result.checks.some(({ ok }) => !ok)) process.exitCode = 1
}
