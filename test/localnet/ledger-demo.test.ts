import assert from 'node:assert/strict'
import { demoCommand } from '#tools/demo/command.js'
import type { LedgerDemoResult } from '#tools/demo/ledger/demo.js'
import { processesWith } from '#tools/scenario/processes.js'
import {
  expectAllHold,
  expectInterrupted,
  expectNothingLeft,
  expectSomeFailed,
  folderOf,
  HAS_PROC,
  type Program,
  runTallystick
} from './processes.js'

function ledgerDemo(ordering: string, ...args: string[]): Program {
  return runTallystick('demo', '--application', 'ledger', '--ordering', ordering, ...args)
}

const SHORT = '--clients 2 --followers 1 --rate 8 --seconds 2 --seed 11'.split(' ')

/** Those that every ledger has. */
const ALWAYS = [
  'clients',
  'client refuses',
  'one digest',
  'exactly once',
  'supply',
  'balances',
  'double spend'
]

describe('tallystick demo of a ledger', function () {
  // Up to eight processes start and end in each.
  this.timeout(180_000)

  for (const [ordering, more] of [
    ['sequencer', ['overdraft', 'account proofs']],
    ['work', ['overdraft', 'account proofs', 'partition']],
    ['none', ['overdraft', 'partition']]
  ] as const)
    it(`pays, cheats, asks and audits, and shows that all holds, ordering ${ordering}`, async () => {
      const program = ledgerDemo(ordering, ...SHORT, '--json')
      const folder = await folderOf(program)
      const ended = await program.ended
      const { checks, ...result } = expectAllHold<LedgerDemoResult>(ended)
      const names = checks.map(({ name }) => name)
      for (const name of [...ALWAYS, ...more, 'late peer', 'stop', 'folders'])
        assert.ok(names.includes(name), name)
      assert.deepEqual([result.application, result.ordering, result.seed], ['ledger', ordering, 11])
      assert.ok(result.accepted > 10 && result.refused >= 8, ended.stdout)
      assert.equal(result.blocks === null, ordering === 'none')
      for (const name of names) assert.match(ended.stderr, new RegExp(`^${name} +\\S.* ok$`, 'm'))
      await expectNothingLeft(folder)
    })

  it('fails where a peer dies, and still checks what can be checked', async function () {
    if (!HAS_PROC) return this.skip()
    const program = ledgerDemo(
      'sequencer',
      ...'--clients 1 --followers 2 --rate 8 --seconds 3 --json'.split(' ')
    )
    const folder = await folderOf(program)
    await program.says('stderr', /^1 clients try /m)
    // The folder is this demo's own, so the process is. The client is with the other one.
    const [follower] = await processesWith(folder, 'peer.js', 'data/follower-2')
    assert.ok(follower !== undefined)
    process.kill(follower, 'SIGKILL')
    const { isOk } = expectSomeFailed<LedgerDemoResult>(await program.ended)
    for (const name of ['clients', 'client refuses', 'overdraft']) assert.equal(isOk.get(name), true, name)
    for (const name of ['one digest', 'balances', 'stop']) assert.equal(isOk.get(name), false, name)
    await expectNothingLeft(folder)
  })

  it('stops everything at SIGINT', async () => {
    const program = ledgerDemo('none', '--clients', '1', '--followers', '1')
    await expectInterrupted(program, /^1 clients try /m)
  })

  for (const [what, args, says] of [
    ['messages that nobody orders', ['--ordering', 'none'], /messages have an order/],
    ['messages that miners order', ['--ordering', 'work'], /messages have an order/],
    ['a seed for messages', ['--seed', '1'], /leave --seed out/],
    ['an ordering that there is not', ['--application', 'ledger', '--ordering', 'stake'], /Allowed choices/],
    ["a size of a ledger's blocks", ['--application', 'ledger', '--block-size', '9'], /--block-size out/],
    ['one peer alone', [...'--application ledger --ordering none --followers 0'.split(' ')], /--followers/],
    ['no transfer', [...'--application ledger --clients 1 --rate 0.1 --seconds 1'.split(' ')], /no transfer/]
  ] as const)
    it(`${what} is wrong usage`, async () => {
      const command = demoCommand()
        .exitOverride()
        .configureOutput({ writeErr: () => undefined })
      await assert.rejects(command.parseAsync(args, { from: 'user' }), says)
    })
})
