import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { type Ended, isAlive, runNode, whenGone } from './processes.js'

const LOCALNET = import.meta.resolve('#tools/localnet/index.js')

/** A program that starts two peers, names them on its standard output, and then does `last`. */
function parent(last: string): ReturnType<typeof runNode> {
  const source = `
    import { Localnet } from ${JSON.stringify(LOCALNET)}
    const net = await Localnet.create()
    await net.startSequencer()
    await net.startClient({ duration: 0 })
    console.log(JSON.stringify({ folder: net.folder, pids: net.peers.map(peer => peer.pid) }))
    ${last}`
  return runNode(['--input-type=module', '--eval', source])
}

interface Started {
  readonly folder: string
  readonly pids: readonly number[]
}

async function startedBy(program: ReturnType<typeof runNode>): Promise<Started> {
  const [line] = await program.says('stdout', /^\{.*\}$/m)
  const started: Started = JSON.parse(line)
  assert.equal(started.pids.length, 2)
  return started
}

async function expectNothingLeft({ pids }: Started): Promise<void> {
  for (const pid of pids) await whenGone(pid)
}

describe('what becomes of peers when their parent ends without stopping them', () => {
  for (const [how, last, expected] of [
    ['by an exception', 'throw new Error("a defect")', { code: 1, signal: null }],
    ['by process.exit', 'process.exit(7)', { code: 7, signal: null }]
  ] as const)
    it(`${how}: they are killed, and the temporary folder is removed`, async () => {
      const program = parent(last)
      const started = await startedBy(program)
      const ended: Ended = await program.ended
      assert.deepEqual({ code: ended.code, signal: ended.signal }, expected)
      await expectNothingLeft(started)
      assert.equal(existsSync(started.folder), false)
    })

  for (const signal of ['SIGINT', 'SIGKILL'] as const)
    it(`by ${signal}, which it does not handle: they notice and stop`, async () => {
      const program = parent('')
      const started = await startedBy(program)
      for (const pid of started.pids) assert.ok(await isAlive(pid))
      program.kill(signal)
      assert.equal((await program.ended).signal, signal)
      await expectNothingLeft(started)
      // Nobody was left to remove it.
      assert.ok(existsSync(started.folder))
      await rm(started.folder, { recursive: true })
    })
})
