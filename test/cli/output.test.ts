import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Changes, present } from '../helpers/changes.js'
import { ChatProcess } from '../helpers/chat-process.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { tool } from '../helpers/program.js'

const PEER = fileURLToPath(import.meta.resolve('#src/peer.js'))
const TOOL = fileURLToPath(import.meta.resolve('#tools/tallystick.js'))
const ANY_PORT = ['--listen', '/ip4/127.0.0.1/tcp/0'] as const

/** A program in a process of its own, whose output is read until nobody reads it any more. */
class Unheard extends Changes {
  text = ''
  code: number | null | undefined

  private constructor(private readonly child: ChildProcess) {
    super()
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.text += text
        this.changed()
      })
    child.stdin?.on('error', () => undefined)
    child.once('exit', code => {
      this.code = code
      this.changed()
    })
  }

  static start(cleanup: Cleanup, folder: string, args: readonly string[], outputs?: number): Unheard {
    const output = outputs ?? 'pipe'
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['pipe', output, output] })
    const program = new Unheard(child)
    cleanup.add(async () => {
      child.kill('SIGKILL')
      await program.ends()
    })
    return program
  }

  /** Both pipes are closed on this side: whoever read them has gone. */
  async stopsBeingHeard(said: RegExp): Promise<void> {
    await this.until(`it says ${said}`, () => said.test(this.text) || this.code !== undefined)
    this.child.stdout?.destroy()
    this.child.stderr?.destroy()
  }

  /** Where it listens. */
  get address(): string {
    return present(/\/ip4\/[^\s"]+\/p2p\/\w+/.exec(this.text)?.[0], 'its address')
  }

  type(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }

  async ends(): Promise<number | null> {
    await this.until('it ends', () => this.code !== undefined)
    return present(this.code === undefined ? undefined : { code: this.code }).code
  }

  /** It still runs, and stops in order when it is told to. */
  async stops(): Promise<void> {
    assert.equal(this.code, undefined, `it has ended: ${this.text}`)
    this.child.kill('SIGTERM')
    assert.equal(await this.ends(), 0)
  }

  protected override describe(): string {
    return this.text
  }
}

describe('A peer whose output nobody reads any more', () => {
  const cleanup = new Cleanup(afterEach)

  async function madeNetwork(...options: readonly string[]): Promise<string> {
    const folder = await cleanup.folder()
    const made = await tool(folder, 'init', ...options)
    assert.equal(made.code, 0, made.stderr)
    return folder
  }

  async function good(folder: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await tool(folder, ...args)
    assert.equal(code, 0, stderr)
    return stdout
  }

  for (const json of [[], ['--json']])
    it(`goes on as a sequencer, as its follower and as a client ${json.join('')}`, async () => {
      const folder = await madeNetwork('--block-size', '1')
      const sequencer = Unheard.start(cleanup, folder, [PEER, '--role', 'sequencer', ...ANY_PORT, ...json])
      await sequencer.stopsBeingHeard(/\/p2p\//)
      const connect = ['--connect', sequencer.address]
      const follower = Unheard.start(cleanup, folder, [
        PEER,
        '--role',
        'follower',
        ...ANY_PORT,
        ...connect,
        ...json
      ])
      await follower.stopsBeingHeard(/\/p2p\//)
      const rate = ['--rate', '10', '--duration', '2']
      const client = Unheard.start(cleanup, folder, [PEER, '--role', 'client', ...rate, ...connect, ...json])
      await client.stopsBeingHeard(/accepted|receipt/)
      assert.equal(await client.ends(), 0)
      // Each has printed a line for every one of these.
      for (const at of [sequencer, follower]) {
        const counted = await good(folder, 'submit', 'one more', '--connect', at.address)
        assert.match(counted, /^$/)
      }
      assert.match(await good(folder, 'count', ...connect), /^blocks 22, messages in them 22,/)
      await follower.stops()
      await sequencer.stops()
    })

  it('goes on as a miner, and as a peer of a network with no order', async () => {
    const folder = await madeNetwork('--ordering', 'work', '--interval', '1000', '--target', '207fffff')
    const miner = Unheard.start(cleanup, folder, [
      PEER,
      '--role',
      'miner',
      '--mine',
      '0',
      ...ANY_PORT,
      '--no-connect'
    ])
    await miner.stopsBeingHeard(/\/p2p\//)
    for (let time = 0; time < 3; time += 1)
      await good(folder, 'mine', '--connect', miner.address, '--key', 'keys/miner.owner.key')
    await miner.stops()
    const tabs = await madeNetwork('--ordering', 'none')
    const replica = Unheard.start(cleanup, tabs, [PEER, '--role', 'follower', ...ANY_PORT, '--no-connect'])
    await replica.stopsBeingHeard(/\/p2p\//)
    const more = ['--to', '12D3KooWEW9kDySTYTWGc7u8S5fHccW2tHH9y9jwrucEKM5JGvTL', '--amount', '1']
    for (let time = 0; time < 3; time += 1)
      await good(tabs, 'transfer', ...more, '--connect', replica.address)
    await replica.stops()
  })

  it('goes on as a chat, which still says what is typed and passes on what others say', async () => {
    const folder = await cleanup.folder()
    const chat = Unheard.start(cleanup, folder, [TOOL, 'chat', '--no-connect'])
    await chat.stopsBeingHeard(/type a line/)
    const place = present(/others join at (\S+)/.exec(chat.text)?.[1])
    const others = [1, 2].map(() => ChatProcess.start(cleanup, folder, ['--connect', place]))
    for (const other of others) await other.started()
    const [first, second] = others
    for (const line of ['one', 'two', 'three']) {
      present(first).type(line)
      await present(second).says(new RegExp(`^${line}$`))
    }
    chat.type('typed')
    for (const other of others) await other.says(/^typed$/)
    await chat.stops()
  })

  it('goes on as the manager of a network, which still does as it is told', async () => {
    const folder = await cleanup.folder()
    const manager = Unheard.start(cleanup, folder, [TOOL, 'network', 'up', '--nodes', '2'])
    await manager.stopsBeingHeard(/runs at/)
    // Until all have started, it says that it is not ready.
    for (let code: number | null = 1; code !== 0; )
      code = (await tool(folder, 'network', 'kill', '--node', '2')).code
    await good(folder, 'network', 'start', '--node', '2')
    assert.match(await good(folder, 'network', 'status'), /one head/)
    await good(folder, 'network', 'stop')
    assert.equal(await manager.ends(), 0)
  })

  it('goes on where its output goes into a file on a disk without space', async function () {
    // Linux alone has this device, a disk that is always full.
    if (!existsSync('/dev/full')) this.skip()
    const net = await makeNetwork({ blockSize: 1 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
    const full = await open('/dev/full', 'w')
    const args = ['--role', 'client', '--network', 'network.json', '--connect', sequencer.address]
    const client = Unheard.start(cleanup, folder, [PEER, ...args, '--rate', '10', '--duration', '1'], full.fd)
    await full.close()
    assert.equal(await client.ends(), 0)
    await sequencer.events.times('block', 10)
  })
})

describe('A command whose output nobody reads any more', () => {
  const cleanup = new Cleanup(afterEach)

  it('still tells by its exit code what it was asked', async () => {
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'log'), 'tallystick log 1\nand nothing good')
    const verify = Unheard.start(cleanup, folder, [TOOL, 'verify', 'log'])
    await verify.stopsBeingHeard(/^/)
    assert.equal(await verify.ends(), 1)
  })

  it('says that its result cannot be written where a disk is full', async function () {
    // Linux alone has this device, a disk that is always full.
    if (!existsSync('/dev/full')) this.skip()
    const full = await open('/dev/full', 'w')
    const child = spawn(process.execPath, [TOOL, '--help'], { stdio: ['ignore', full.fd, 'pipe'] })
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const code = await new Promise(resolve => child.once('close', resolve))
    await full.close()
    assert.match(
      said,
      /^error: standard output cannot be written \(ENOSPC: no space is left on its disk\)\n$/
    )
    assert.equal(code, 1)
  })
})

describe('What waits for a reader that stalls', () => {
  const cleanup = new Cleanup(afterEach)
  const LINES = 30_000
  const LINE = 'x'.repeat(4_000)

  /** Prints lines into a pipe that is not read, says how much waits, and one line more once it is read. */
  async function stalled(
    print: string,
    lasting: boolean
  ): Promise<{ readonly waiting: number; readonly lines: string[] }> {
    const module = new URL('../../../dist/cli/terminal/terminal.js', import.meta.url).href
    const script = `
      import { once } from 'node:events'
      import { outliveReaders, printJson, printLine, printResult } from ${JSON.stringify(module)}
      if (${lasting}) outliveReaders()
      for (let line = 0; line < ${LINES}; line += 1) ${print}
      process.send({ waiting: process.stdout.writableLength })
      await once(process.stdout, 'drain')
      ${print}
      process.disconnect()`
    const args = ['--input-type=module', '--eval', script]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] })
    cleanup.add(async () => {
      child.kill('SIGKILL')
    })
    const waiting = await new Promise<number>(resolve =>
      child.once('message', (message: { readonly waiting: number }) => resolve(message.waiting))
    )
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    await new Promise(resolve => child.once('close', resolve))
    return { waiting, lines: text.trimEnd().split('\n') }
  }

  it('has a bound in a peer, for people and for programs, which are told how many events are missing', async () => {
    const people = await stalled(`printResult('${LINE}')`, true)
    assert.ok(people.waiting > 1_000_000 && people.waiting < 1_100_000, `${people.waiting}`)
    assert.ok(people.lines.length < 500)
    const programs = await stalled(`printJson({ text: '${LINE}' })`, true)
    assert.ok(programs.waiting > 60_000_000 && programs.waiting < 68_000_000, `${programs.waiting}`)
    const events = programs.lines.map((line): { event?: string; count?: number } => JSON.parse(line))
    const { count = 0 } = present(events.at(-2))
    assert.deepEqual(events.at(-2), { event: 'unshown', count })
    assert.equal(events.length - 1 + count, LINES + 1)
  })

  it('is whole where it is the result of a command', async () => {
    const { lines } = await stalled(`printResult('${LINE}')`, false)
    assert.equal(lines.length, LINES + 1)
  })
})
