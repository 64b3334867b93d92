import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { present } from '../helpers/changes.js'
import { runNode } from '../localnet/processes.js'
import { DEFAULTS, type SimulationOptions } from './options.js'
import { reportOf } from './report.js'
import { type SimulationResult, simulate } from './simulation.js'

/** A network that is small, but whose blocks come fast. */
const SMALL: SimulationOptions = {
  ...DEFAULTS,
  nodes: 8,
  miners: 8,
  hours: 1,
  interval: 90,
  delay: 4000,
  messageRate: 30
}

async function run(changes: Partial<SimulationOptions> = {}): Promise<SimulationResult> {
  return simulate({ ...SMALL, ...changes })
}

const MAIN = fileURLToPath(import.meta.resolve('./main.js'))

/** Names of the invariants that were violated. */
function violated({ checks }: SimulationResult): string[] {
  return checks.filter(({ ok }) => !ok).map(({ name }) => name)
}

function expectAllWell(result: SimulationResult): void {
  assert.deepEqual(
    result.checks.filter(({ ok }) => !ok),
    []
  )
}

describe('a simulated network', () => {
  it('comes out the same with the same seed, and otherwise with another one', async () => {
    const disturbed = { loss: 0.1, partition: 0.2, churn: 0.1 }
    const [one, same, other] = [
      await run(disturbed),
      await run(disturbed),
      await run({ ...disturbed, seed: 2 })
    ]
    assert.equal(reportOf(one), reportOf(same))
    assert.notEqual(one.head, other.head)
    expectAllWell(one)
    expectAllWell(other)
  })

  it('agrees on one head after partitions, and has each message once, also those that were contradicted', async () => {
    const result = await run({ partition: 0.5, messageRate: 100 })
    expectAllWell(result)
    const { measures } = result
    assert.ok(measures.messages.contradicted > 0)
    assert.ok(measures.reorgs.some(({ depth }) => depth > 1))
    assert.ok(measures.convergence.times.length > 0)
  })

  it('agrees where a fifth of the messages gets lost and peers come and go', async () => {
    const result = await run({ loss: 0.2, churn: 0.3 })
    expectAllWell(result)
    assert.ok(present(result.measures.forks).rate > 0)
  })

  it('follows its sequencer through losses, partitions and stops, without one reorg', async () => {
    const result = await run({
      ordering: 'sequencer',
      loss: 0.2,
      churn: 0.2,
      partition: 0.2,
      messageRate: 200
    })
    expectAllWell(result)
    const { measures } = result
    assert.ok(measures.messages.written > 100)
    assert.ok(measures.blocks.main >= measures.messages.written / 4 - 1)
    assert.equal(measures.blocks.stale, 0)
    assert.deepEqual(measures.reorgs, [])
    assert.equal(measures.tooDeep, 0)
    assert.equal(measures.forks, undefined)
  })

  it('forks as often as its delay lets one expect', async () => {
    const { measures } = await run({ nodes: 4, miners: 4, hours: 24, delay: 12_000, messageRate: 0 })
    const forks = present(measures.forks)
    assert.ok(forks.heights > 900)
    assert.ok(forks.rate > 0.05)
    assert.ok(forks.second.isWithin, JSON.stringify(forks))
  })

  it('keeps its interval while hash power grows, as far as ASERT follows', async () => {
    const { measures } = await run({ nodes: 2, miners: 2, hours: 15, growth: 16, delay: 500, messageRate: 0 })
    // At each doubling the chain gets as far ahead of its schedule as ASERT's half-life, which has 24 intervals.
    const expected = 90_000 * (600 / (600 + 4 * 24))
    assert.ok(Math.abs(present(measures.interval) / expected - 1) < 0.03, `${measures.interval} ms`)
  })

  it('finds a node that breaks ties otherwise, and finds it again at the same moment', async () => {
    const [once, again] = [await run({ fault: 'tie-break' }), await run({ fault: 'tie-break' })]
    assert.deepEqual(violated(once), ['heaviest'])
    assert.match(reportOf(once), /^ {2}peer \d+ after \d+\.\d{3} s: its head is block/m)
    assert.match(reportOf(once), /^seed 1; once more: npm run simulate -- .*--seed 1 .*--fault tie-break/m)
    assert.equal(reportOf(once), reportOf(again))
  })

  it('finds that the longest chain counts instead of the heaviest', async () => {
    assert.ok(violated(await run({ fault: 'weight', partition: 0.5 })).includes('weight'))
  })
})

describe('npm run simulate', () => {
  const command = (...args: string[]) => runNode([MAIN, '--nodes', '5', '--interval', '60', ...args]).ended

  it('prints one object, and nothing else', async () => {
    const { code, stdout, stderr } = await command('--hours', '1', '--seed', '3', '--json')
    assert.deepEqual([code, stderr], [0, ''])
    const { options, checks }: SimulationResult = JSON.parse(stdout)
    assert.deepEqual(options, { ...DEFAULTS, nodes: 5, miners: 5, interval: 60, hours: 1, seed: 3 })
    assert.ok(checks.every(({ ok }) => ok))
  })

  it('fails where something does not hold, and says how to see it again', async () => {
    const { code, stdout } = await command('--hours', '2', '--delay', '8000', '--fault', 'tie-break')
    assert.equal(code, 1, stdout)
    assert.match(stdout, /^heaviest .* FAILED$/m)
    assert.match(stdout, /^seed 1; once more: npm run simulate -- --nodes 5 /m)
  })

  for (const args of [
    ['--loss', '1'],
    ['--miners', '6']
  ])
    it(`takes ${args.join(' ')} for wrong usage`, async () => {
      const { code, stdout, stderr } = await command(...args)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, /^error: .+\n(simulate --help tells more\n)?$/)
    })
})
