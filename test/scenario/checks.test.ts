import assert from 'node:assert/strict'
import { quiet } from '#src/cli/terminal/progress.js'
import { rendered, textOf } from '#src/cli/terminal/styled.js'
import { demoSummary } from '#tools/demo/demo.js'
import { type Check, type CheckResult, demand, once, runChecks } from '#tools/scenario/checks.js'
import { tableOf } from '#tools/scenario/table.js'

const NEVER = new AbortController().signal

function check(name: string, run: () => Promise<string>): Check {
  return { name, what: `whether ${name}`, run }
}

function resultsOf(checks: readonly Check[], signal = NEVER): Promise<CheckResult[]> {
  return runChecks([{ checks }], quiet, signal)
}

describe('checks', () => {
  it('go on after one that throws, which has failed with its message', async () => {
    const results = await resultsOf([
      check('one', async () => 'fine'),
      check('two', async () => {
        demand('two'.length === 2, 'two is not')
        return 'fine'
      }),
      check('three', async () => 'fine as well')
    ])
    assert.deepEqual(results, [
      { name: 'one', what: 'whether one', ok: true, detail: 'fine' },
      { name: 'two', what: 'whether two', ok: false, detail: 'two is not' },
      { name: 'three', what: 'whether three', ok: true, detail: 'fine as well' }
    ])
  })

  it('end between two of them when they are interrupted', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const checks = [
      check('one', async () => {
        controller.abort(reason)
        return 'fine'
      }),
      check('two', async () => assert.fail('it must not run'))
    ]
    await assert.rejects(resultsOf(checks, controller.signal), reason)
  })

  it('close what a group needs before the next group, and again where they are interrupted', async () => {
    const controller = new AbortController()
    const seen: string[] = []
    const needs = { close: async () => void seen.push('closed') }
    const groups = [
      { checks: [check('one', async () => String(seen.push('one')))], needs },
      { checks: [check('two', async () => String(seen.push('two')))] }
    ]
    await runChecks(groups, quiet, NEVER)
    assert.deepEqual(seen, ['one', 'closed', 'two', 'closed'])
    controller.abort(new Error('enough'))
    await assert.rejects(runChecks(groups, quiet, controller.signal))
    assert.deepEqual(seen.slice(4), ['closed'])
  })

  it('share what they need, and its failure', async () => {
    let calls = 0
    const needed = once(async () => {
      calls += 1
      throw new Error('not to be had')
    })
    const results = await resultsOf([check('one', needed), check('two', needed)])
    assert.deepEqual(
      results.map(({ ok, detail }) => [ok, detail]),
      [
        [false, 'not to be had'],
        [false, 'not to be had']
      ]
    )
    assert.equal(calls, 1)
  })

  it('make a table that says what failed and why', async () => {
    const checks = await resultsOf([
      check('one', async () => 'fine'),
      check('two', () => Promise.reject(new Error('not two\nbut three')))
    ])
    const summary = demoSummary({ sent: 3, accepted: 2, blocks: null, pending: null, p50: 1.26, p99: 2 })
    const table = tableOf(checks, summary).map(textOf)
    assert.deepEqual(table, [
      'test case  what is checked  result',
      '---------  ---------------  ------',
      'one        whether one      ok',
      'two        whether two      FAILED',
      '  not two',
      '  but three',
      '',
      '3 sent, 2 accepted, unknown blocks, unknown pending',
      'receipts after 1.3 ms (p50), 2.0 ms (p99)',
      '1 of 2 test cases FAILED'
    ])
  })
  it('make a table of 80 columns, however long a sentence is, with colours for ok and FAILED', async () => {
    const checks = await resultsOf([
      { name: 'a long sentence', what: 'it goes on '.repeat(20).trim(), run: async () => 'fine' },
      check('two', () => Promise.reject(new Error('not two')))
    ])
    const lines = tableOf(checks, [])
    const table = lines.map(textOf)
    for (const line of table) assert.ok(line.length <= 80, line)
    assert.match(table[2] ?? '', /^a long sentence {2}it goes on .* ok$/)
    assert.match(table[3] ?? '', /^ {17}it goes on/)
    assert.equal(table.join(' ').split('it goes on').length, 21)
    const coloured = lines.map(line => rendered(line, true)).join('\n')
    assert.match(coloured, /\W\[32mok\W\[39m$/m)
    assert.match(coloured, /\W\[31mFAILED\W\[39m$/m)
  })
})
