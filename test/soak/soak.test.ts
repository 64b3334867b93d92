import assert from 'node:assert/strict'
import { Random } from '#tools/localnet/random.js'
import { processesWith } from '#tools/scenario/processes.js'
import {
  expectAllHold,
  expectInterrupted,
  expectNothingLeft,
  folderOf,
  HAS_PROC,
  type Program,
  runTallystick
} from '../localnet/processes.js'

interface SoakAnswer {
  readonly accepted: number
  readonly blocks: number
  readonly killed: { readonly sequencer: number }
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[]
}

function soak(...args: string[]): Program {
  return runTallystick('soak', ...args)
}

const SMALL = '--clients 2 --followers 2 --block-size 20 --seed 5'.split(' ')

describe('tallystick soak', () => {
  it('kills, stops and restarts all kinds of peers under load, and loses nothing', async () => {
    const ended = await soak('--minutes', '0.1', ...SMALL, '--json').ended
    const { accepted, blocks, killed } = expectAllHold<SoakAnswer>(ended)
    assert.equal(ended.stderr, '', 'quiet')
    assert.ok(accepted >= 20)
    assert.equal(blocks, Math.floor(accepted / 20))
    assert.equal(killed.sequencer, 1)
  }).timeout(180_000)

  it('fails where a process ends that nobody told to, and still checks the rest', async function () {
    if (!HAS_PROC) return this.skip()
    const program = soak('--minutes', '0.1', ...SMALL)
    const folder = await folderOf(program)
    await program.says('stderr', /^all are there/m)
    // The first follower is never stopped by the soak itself.
    const [follower] = await processesWith(folder, 'peer.js', 'data/follower-1')
    assert.ok(follower !== undefined)
    process.kill(follower, 'SIGKILL')
    const { code, stdout, stderr } = await program.ended
    assert.equal(code, 1, stderr)
    assert.match(stdout, /^lives .* FAILED\n( {4,}\S.*\n)* {2}follower-1 ended by itself, by SIGKILL/m)
    assert.match(stdout, /^follower folders .* FAILED$/m)
    assert.match(stdout, /^nothing lost .* ok$/m)
    await expectNothingLeft(folder)
  }).timeout(180_000)

  it('stops everything at SIGINT', async () => {
    await expectInterrupted(soak('--minutes', '10', ...SMALL), /^all are there/m)
  })

  for (const args of [
    ['--minutes', '0'],
    ['--seed', '-1'],
    ['--clients', 'many']
  ])
    it(`takes ${args.join(' ')} for wrong usage`, async () => {
      const { code, stderr } = await soak(...args).ended
      assert.equal(code, 2)
      assert.match(stderr, /^error: .+\ntallystick soak --help tells more\n$/)
    })
})

describe('the choices of a soak', () => {
  it('follow from the seed, and reach all there is to choose', () => {
    const choose = (seed: number): string[] => {
      const random = new Random(seed)
      return Array.from({ length: 100 }, () => random.pick(['a', 'b', 'c']) ?? '')
    }
    assert.deepEqual(choose(7), choose(7))
    assert.notDeepEqual(choose(7), choose(8))
    assert.deepEqual([...new Set(choose(7))].sort(), ['a', 'b', 'c'])
    assert.equal(new Random(1).pick([]), undefined)
    assert.deepEqual(new Random(2).some([1, 2, 3], 5).sort(), [1, 2, 3])
  })
})
