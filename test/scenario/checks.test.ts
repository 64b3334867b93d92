import assert from 'node:assert/strict'
import { rendered, textOf } from '#src/cli/terminal/styled.js'
import { demoTable } from '#tools/demo/table.js'
import { type Check, type CheckResult, demand, once, runChecks } from '#tools/scenario/checks.js'

const NEVER = new AbortController().signal

function check(name: string, run: () => Promise<string>): Check {
  return { name, what: `whether ${name}`, run }
}

async function resultsOf(checks: readonly Check[], signal = NEVER): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  await runChecks(checks, result => results.push(result), signal)
  return results
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
    const table = demoTable({
      sent: 3,
      accepted: 2,
      blocks: null,
      pending: null,
      p50: 1.26,
      p99: 2,
      checks
    }).map(textOf)
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
    const lines = demoTable({ sent: 1, accepted: 1, blocks: 0, pending: 1, p50: null, p99: null, checks })
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
