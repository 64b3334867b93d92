import assert from 'node:assert/strict'
import { join } from 'node:path'
import { processesWith } from '#tools/scenario/processes.js'
import { Cleanup } from '../helpers/cleanup.js'
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

interface DemoAnswer {
  readonly sent: number
  readonly accepted: number
  readonly blocks: number | null
  readonly pending: number | null
  readonly p50: number
  readonly p99: number
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[]
}

/** A line of `read --json`. */
interface ShownMessage {
  readonly position: number
  readonly sealed: string
  readonly body: { readonly text: string } | null
  readonly problem?: string
}

function demo(...args: string[]): Program {
  return runTallystick('demo', ...args)
}

describe('tallystick demo', () => {
  const cleanup = new Cleanup(afterEach)

  it('sends, asks, audits and shows that all holds', async () => {
    const program = demo(...'--clients 3 --rate 10 --duration 3 --block-size 20 --json'.split(' '))
    const folder = await folderOf(program)
    const ended = await program.ended
    const { checks, p50, p99, ...counts } = expectAllHold<DemoAnswer>(ended)
    assert.deepEqual(counts, { sent: 90, accepted: 90, blocks: 4, pending: 10 })
    assert.ok(0 < p50 && p50 <= p99)
    for (const { name } of checks) assert.match(ended.stderr, new RegExp(`^${name} +\\S.* ok$`, 'm'))
    await expectNothingLeft(folder)
  })

  it('holds too where clients reach nobody but followers, which all end with one head', async () => {
    const options = '--clients 4 --followers 2 --rate 10 --duration 2 --block-size 20'
    const { code, stdout, stderr } = await demo(...options.split(' ')).ended
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^followers +each has the sequencer's head, byte for byte.* ok$/m)
    assert.match(stdout, /^80 sent, 80 accepted, 4 blocks, 0 pending$/m)
  })

  it('holds too where no block is full yet', async () => {
    const { code, stdout, stderr } = await demo('--clients', '1', '--rate', '5', '--duration', '1').ended
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^5 sent, 5 accepted, 0 blocks, 5 pending$/m)
    assert.match(stdout, /^all \d+ test cases hold\n$/m)
  })

  it("can be read while it runs, opened with the sequencer's keys, and without them sealed", async () => {
    const program = demo(...'--clients 2 --rate 10 --duration 10 --block-size 20 --json'.split(' '))
    const folder = await folderOf(program)
    const [, address = ''] = await program.says('stderr', /^the sequencer listens on (\S+)$/m)
    const data = await cleanup.folder()
    const reads = (name: string, ...keys: readonly string[]): Program => {
      const reader = runTallystick(
        ...['read', '0..', '--follow', '--json', '--data', join(data, name)],
        ...['--connect', address, '--network', join(folder, 'network.json'), ...keys]
      )
      cleanup.add(async () => {
        reader.kill('SIGKILL')
        await reader.ended
      })
      return reader
    }
    const sighted = reads('sighted', '--key', join(folder, 'keys', 'sequencer.encryption.key'))
    const blind = reads('blind')
    const { code, stderr } = await program.ended
    assert.equal(code, 0, stderr)
    const shown = []
    for (const reader of [sighted, blind]) {
      // The clients write until the end of the demo: not all of it was there at the beginning.
      await reader.says('stdout', /"position":99,/)
      reader.kill('SIGINT')
      const ended = await reader.ended
      assert.equal(ended.code, 0, ended.stderr)
      shown.push(
        ended.stdout
          .split('\n')
          .slice(0, -1)
          .map((line): ShownMessage => JSON.parse(line))
      )
    }
    const [opened = [], sealed = []] = shown
    assert.deepEqual(
      opened.map(({ position }) => position),
      opened.map((_, index) => index)
    )
    for (const { body, sealed } of opened) {
      assert.match(body?.text ?? '', /^message \d+$/)
      assert.match(sealed, /^[0-9a-f]{16}$/)
    }
    assert.deepEqual(
      sealed.slice(0, 100),
      opened.slice(0, 100).map(({ problem: _, ...message }) => ({
        ...message,
        body: null,
        problem: `sealed to key ${message.sealed}`
      }))
    )
  })

  it('stops everything at SIGINT', async () => {
    await expectInterrupted(demo('--clients', '2'), /^2 clients send /m)
  })

  it('fails where the sequencer dies, and still checks what can be checked', async function () {
    if (!HAS_PROC) return this.skip()
    const program = demo(...'--clients 2 --rate 10 --duration 60 --block-size 10 --json'.split(' '))
    const folder = await folderOf(program)
    await program.says('stderr', /^block 2: /m)
    // The folder is this demo's own, so the process is.
    const [sequencer] = await processesWith(folder, 'peer.js', '--role\0sequencer')
    assert.ok(sequencer !== undefined)
    process.kill(sequencer, 'SIGKILL')

    const ended = await program.ended
    const { result, isOk } = expectSomeFailed<DemoAnswer>(ended)
    assert.equal(result.blocks, null)
    assert.ok(result.accepted >= 20)
    for (const name of ['count', 'head', 'wrong key', 'stop', 'database'])
      assert.equal(isOk.get(name), false, name)
    assert.match(ended.stderr, /^count .* FAILED\n( {4,}\S.*\n)* {2}\S/m)
    await expectNothingLeft(folder)
  })

  for (const args of [
    ['--clients', '0'],
    ['--rate', 'much'],
    ['--duration', '0'],
    ['--block-size', '1.5'],
    ['--rate', '0.1', '--duration', '1']
  ])
    it(`takes ${args.join(' ')} for wrong usage`, async () => {
      const { code, stdout, stderr } = await demo(...args).ended
      assert.equal(code, 2)
      assert.equal(stdout, '')
      assert.match(stderr, /^error: .+\n(tallystick demo --help tells more\n)?$/)
    })
})
