import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { Changes, PATIENCE, present } from './changes.js'
import type { Cleanup } from './cleanup.js'
import type { TestNetwork } from './networks.js'

const PEER = fileURLToPath(import.meta.resolve('#src/peer.js'))
const TOOL = fileURLToPath(import.meta.resolve('#tools/tallystick.js'))

/** What tests look at of the object that the tool prints. */
export interface ToolAnswer {
  readonly valid?: boolean
  readonly count?: number
  readonly height?: number
  readonly size?: number
  readonly pending?: number
  readonly network?: string
  readonly file?: string
  readonly bytes?: number
  readonly position?: number
  readonly sequence?: string
  readonly weight?: string
  readonly role?: string
  readonly peerId?: string
  readonly pool?: number
  readonly peers?: readonly object[]
  readonly mined?: readonly { readonly height: number; readonly id: string }[]
  readonly taken?: boolean
  readonly reason?: string
  readonly fault?: {
    readonly kind: string
    readonly detail: string
    readonly height?: number
    readonly position?: number
  }
  readonly evidence?: { readonly kind: string }
}

export interface ToolResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The object on standard output. */
  readonly json: () => ToolAnswer
}

/** Runs `node dist/tallystick.js …` in `folder` to its end. */
export function tool(folder: string, ...args: readonly string[]): Promise<ToolResult> {
  return toolWith({}, folder, ...args)
}

/** The same, with these variables in its environment. */
export function toolWith(
  env: Readonly<Record<string, string>>,
  folder: string,
  ...args: readonly string[]
): Promise<ToolResult> {
  return execute(env, folder, [TOOL, ...args])
}

/** The same of either program. */
export function program(
  name: 'peer' | 'tallystick',
  folder: string,
  ...args: readonly string[]
): Promise<ToolResult> {
  return execute({}, folder, [name === 'peer' ? PEER : TOOL, ...args])
}

function execute(
  env: Readonly<Record<string, string>>,
  folder: string,
  args: readonly string[]
): Promise<ToolResult> {
  return new Promise(resolve => {
    const child = execFile(
      process.execPath,
      args,
      { cwd: folder, env: { ...process.env, ...env }, timeout: PATIENCE, killSignal: 'SIGKILL' },
      (_, stdout, stderr) =>
        resolve({ code: child.exitCode, stdout, stderr, json: () => JSON.parse(stdout || '{}') })
    )
    child.stdin?.end()
  })
}

/** A line of JSON on standard output: what tests look at of it. */
export interface JsonEvent {
  readonly event?: string
  readonly height?: number
  readonly addresses?: readonly string[]
  readonly reason?: string
  readonly sequence?: number
  readonly id?: string | number
  readonly detail?: string
  readonly position?: number
  readonly leaf?: string
  readonly peerId?: string
  readonly body?: unknown
  readonly keyId?: string
  readonly older?: number
  readonly sent?: number
  readonly accepted?: number
  readonly refused?: number
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The real program in a process of its own: `node dist/peer.js …`. */
export class Program extends Changes {
  readonly events: JsonEvent[] = []
  /** What it wrote to standard error, line by line. */
  readonly stderr: string[] = []
  #exit: Exit | undefined

  private constructor(private readonly child: ChildProcess) {
    super()
  }

  /** Runs in `folder`; killed afterwards if it still runs then. `fileBlocks`: of 512 bytes, in any file it writes. */
  static start(
    cleanup: Cleanup,
    folder: string,
    args: readonly string[],
    input?: string | Uint8Array,
    env: Readonly<Record<string, string>> = {},
    fileBlocks?: number
  ): Program {
    const command = [process.execPath, PEER, ...args]
    const limited = ['/bin/sh', '-c', `ulimit -f ${fileBlocks}; exec "$@"`, 'sh', ...command]
    const [file = '', ...rest] = fileBlocks === undefined ? command : limited
    return Program.#run(cleanup, folder, [file, ...rest], env, input)
  }

  /** The same; its standard input has this, and stays open. */
  static startOpen(cleanup: Cleanup, folder: string, args: readonly string[], input: string): Program {
    return Program.#run(cleanup, folder, [process.execPath, PEER, ...args], {}, input, true)
  }

  /** The same of `node dist/tallystick.js …`, told to write JSON. */
  static startTool(cleanup: Cleanup, folder: string, args: readonly string[]): Program {
    return Program.#run(cleanup, folder, [process.execPath, TOOL, ...args], {})
  }

  /** The same of a module that is given as text. */
  static startScript(
    cleanup: Cleanup,
    folder: string,
    script: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {}
  ): Program {
    const command = [process.execPath, '--input-type=module', '--eval', script, ...args]
    return Program.#run(cleanup, folder, command, env)
  }

  static #run(
    cleanup: Cleanup,
    folder: string,
    [file = '', ...rest]: readonly string[],
    env: Readonly<Record<string, string>>,
    input?: string | Uint8Array,
    staysOpen = false
  ): Program {
    const child = spawn(file, rest, { cwd: folder, stdio: 'pipe', env: { ...process.env, ...env } })
    const program = new Program(child)
    createInterface({ input: child.stdout }).on('line', line => {
      const event: JsonEvent = JSON.parse(line)
      program.events.push(event)
      program.changed()
    })
    createInterface({ input: child.stderr }).on('line', line => {
      program.stderr.push(line)
      program.changed()
    })
    child.once('close', (code, signal) => {
      program.#exit = { code, signal }
      program.changed()
    })
    child.stdin.on('error', () => undefined)
    if (staysOpen) child.stdin.write(input ?? '')
    else child.stdin.end(input)
    cleanup.add(async () => {
      await program.kill('SIGKILL')
    })
    return program
  }

  get isRunning(): boolean {
    return this.#exit === undefined
  }

  get pid(): number {
    return present(this.child.pid, 'the process id')
  }

  of(kind: string): JsonEvent[] {
    return this.events.filter(({ event }) => event === kind)
  }

  async times(kind: string, count: number): Promise<void> {
    await this.until(
      `${count} times "${kind}"`,
      () => this.of(kind).length >= count || this.#exit !== undefined
    )
    if (this.of(kind).length < count) throw new Error(`it has ended\n${this.describe()}`)
  }

  /** The end of the process and of all that it wrote. */
  async exit(ms = PATIENCE): Promise<Exit> {
    await this.until('the process ends', () => this.#exit !== undefined, ms)
    return present(this.#exit)
  }

  /** Keeps it from doing anything, with all its connections open. */
  freeze(): void {
    this.child.kill('SIGSTOP')
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Resolves once it has written a line like this to standard error. */
  async says(pattern: RegExp): Promise<void> {
    await this.until(`it says ${pattern}`, () => this.stderr.some(line => pattern.test(line)))
  }

  kill(signal: NodeJS.Signals): Promise<Exit> {
    if (this.isRunning) this.child.kill(signal)
    return this.exit()
  }

  protected override describe(): string {
    return [...this.events.slice(-5).map(event => JSON.stringify(event)), ...this.stderr.slice(-20)].join(
      '\n'
    )
  }
}

/**
 * All that a peer in a process of its own writes, to standard output and standard error, as it comes. It is told to stop
 * once it has written something like this, or once the promise resolves.
 */
export async function written(
  folder: string,
  args: readonly string[],
  enough: RegExp | Promise<unknown>
): Promise<string> {
  const child = spawn(process.execPath, [PEER, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (enough instanceof RegExp && enough.test(text)) child.kill('SIGTERM')
    })
  if (enough instanceof Promise) enough.then(() => child.kill('SIGTERM'))
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
  const [code] = await once(child, 'close')
  clearTimeout(late)
  if (code === null) throw new Error(`it was not told to stop in time\n${text}`)
  return text
}

/** Where the files of a sequencer stand in a folder: given by these options. */
export const SEQUENCER_OPTIONS = [
  '--role',
  'sequencer',
  '--network',
  'network.json',
  '--key',
  'sequencer.key',
  '--data',
  'sequencer',
  '--json'
] as const

/** Writes the network document and the sequencer's identity key; the program makes an encryption key itself. */
export async function writeSequencerFiles(folder: string, net: TestNetwork): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'network.json'), JSON.stringify(net.network.document))
  await writeFile(join(folder, 'sequencer.key'), privateKeyToProtobuf(net.key), { mode: 0o600 })
}

/** A sequencer as a process, started again on the same files and the same port after it was killed. */
export class SequencerProcess {
  #address = '/ip4/127.0.0.1/tcp/0'
  #program: Program | undefined

  private constructor(
    private readonly cleanup: Cleanup,
    readonly net: TestNetwork,
    readonly folder: string
  ) {}

  static async start(cleanup: Cleanup, net: TestNetwork, fileBlocks?: number): Promise<SequencerProcess> {
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const sequencer = new SequencerProcess(cleanup, net, folder)
    await sequencer.start(fileBlocks)
    return sequencer
  }

  get program(): Program {
    return present(this.#program, 'the process')
  }

  get address(): string {
    return this.#address
  }

  get data(): string {
    return join(this.folder, 'sequencer')
  }

  /** Resolves when it listens. `fileBlocks`: of 512 bytes, in any file it writes. */
  async start(fileBlocks?: number): Promise<void> {
    const listen = this.#address.replace(/\/p2p\/.*$/, '')
    const args = [...SEQUENCER_OPTIONS, '--listen', listen]
    const program = Program.start(this.cleanup, this.folder, args, undefined, {}, fileBlocks)
    this.#program = program
    await program.times('started', 1)
    this.#address = present(program.of('started')[0]?.addresses?.[0], 'its address')
  }
}
