import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { setInterval } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { processesWith } from '#tools/scenario/processes.js'
import { Changes } from '../helpers/changes.js'

/** Whether a process runs. One that nobody has reaped yet runs no more. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return !/\) Z /.test(stat)
}

/** Resolves when a process that is not ours to await has ended. */
export async function whenGone(pid: number, ms = 20_000): Promise<void> {
  const signal = AbortSignal.timeout(ms)
  try {
    for await (const _ of setInterval(25, undefined, { signal })) if (!(await isAlive(pid))) return
  } catch {
    assert.fail(`process ${pid} still runs after ${ms} ms`)
  }
}

export const HAS_PROC = existsSync('/proc/self/cmdline')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Program {
  readonly ended: Promise<Ended>
  kill(signal: NodeJS.Signals): void
  /** The first match in what it has written so far, or will write. */
  says(stream: 'stdout' | 'stderr', pattern: RegExp, ms?: number): Promise<RegExpMatchArray>
}

/** Runs node with these arguments. Whoever starts it awaits `ended`. */
export function runNode(args: readonly string[]): Program {
  return new Run(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] }))
}

class Run extends Changes implements Program {
  readonly ended: Promise<Ended>
  readonly #said = { stdout: '', stderr: '' }
  #isGone = false

  constructor(private readonly child: ChildProcessByStdio<null, Readable, Readable>) {
    super()
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        this.#said[name] += text
        this.changed()
      })
    this.ended = new Promise(resolve => {
      child.on('close', (code, signal) => {
        this.#isGone = true
        resolve({ code, signal, ...this.#said })
        this.changed()
      })
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  async says(stream: 'stdout' | 'stderr', pattern: RegExp, ms?: number): Promise<RegExpMatchArray> {
    const match = (): RegExpMatchArray | null => this.#said[stream].match(pattern)
    await this.until(`it says ${pattern}`, () => this.#isGone || match() !== null, ms)
    return match() ?? assert.fail(`it ended without saying ${pattern}:\n${this.describe()}`)
  }

  protected override describe(): string {
    return this.#said.stdout + this.#said.stderr
  }
}

const TALLYSTICK = fileURLToPath(import.meta.resolve('#tools/tallystick.js'))

export function runTallystick(...args: readonly string[]): Program {
  return runNode([TALLYSTICK, ...args])
}

/** The folder of the network of a scenario, as the command says it at its beginning. */
export async function folderOf(program: Program): Promise<string> {
  const [, folder = ''] = await program.says('stderr', /^keys and databases are in ([^;\n]+)/m)
  return folder
}

export async function expectNothingLeft(folder: string): Promise<void> {
  assert.equal(existsSync(folder), false)
  assert.deepEqual(await processesWith(folder), [])
}

/** Asked to end, it says so, and leaves nothing. */
export async function expectInterrupted(program: Program, when: RegExp): Promise<void> {
  const folder = await folderOf(program)
  await program.says('stderr', when)
  program.kill('SIGINT')
  const { code, stderr } = await program.ended
  assert.equal(code, 130, stderr)
  assert.match(stderr, /^error: interrupted; everything has been stopped$/m)
  await expectNothingLeft(folder)
}

interface Judged {
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[]
}

/** What a scenario shows on one line of JSON, where each of its checks holds, under a name of its own. */
export function expectAllHold<Result extends Judged>({ code, stdout, stderr }: Ended): Result {
  assert.equal(code, 0, stdout + stderr)
  assert.equal(stdout.split('\n').length, 2, 'one line on stdout')
  const result: Result = JSON.parse(stdout)
  const { checks } = result
  assert.deepEqual(
    checks.filter(({ ok }) => !ok),
    []
  )
  assert.ok(checks.length > 0)
  assert.equal(new Set(checks.map(({ name }) => name)).size, checks.length)
  return result
}

/** Which of its checks held, where not all did. */
export function expectSomeFailed<Result extends Judged>({
  code,
  stdout,
  stderr
}: Ended): {
  readonly result: Result
  readonly isOk: ReadonlyMap<string, boolean>
} {
  assert.equal(code, 1, stderr)
  const result: Result = JSON.parse(stdout)
  return { result, isOk: new Map(result.checks.map(({ name, ok }) => [name, ok])) }
}
