import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Changes, PATIENCE, present } from './changes.js'
import type { Cleanup } from './cleanup.js'
import { screenOf } from './screen.js'

const TOOL = fileURLToPath(import.meta.resolve('#tools/tallystick.js'))
const PEER = fileURLToPath(import.meta.resolve('#src/peer.js'))

export interface ChatExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A chat in a process of its own, as somebody who types, or a program, starts it. */
export class ChatProcess extends Changes {
  /** What it wrote to standard output, line by line. */
  readonly stdout: string[] = []
  readonly stderr: string[] = []
  /** The same as it came, with what it does to a terminal. */
  screen = ''
  #exit: ChatExit | undefined

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    super()
  }

  /** Through pipes, by the tool or as a peer. Runs in `folder`; killed afterwards if it still runs then. */
  static start(
    cleanup: Cleanup,
    folder: string,
    args: readonly string[] = [],
    by: 'tool' | 'peer' = 'tool'
  ): ChatProcess {
    const command = by === 'tool' ? [TOOL, 'chat'] : [PEER, '--role', 'chat']
    return ChatProcess.#of(
      cleanup,
      spawn(process.execPath, [...command, ...args], { cwd: folder, stdio: 'pipe' })
    )
  }

  /** At a terminal of 60 columns, which util-linux makes. Without an address it asks for one. */
  static atTerminal(cleanup: Cleanup, folder: string, address?: string, redirected = ''): ChatProcess {
    const connect = address === undefined ? '' : '--connect "$ADDRESS"'
    const command = `stty cols 60; exec "$NODE" "$TOOL" chat ${connect} ${redirected}`
    const env = { ...process.env, TERM: 'xterm', NODE: process.execPath, TOOL, ADDRESS: address }
    return ChatProcess.#of(
      cleanup,
      spawn('script', ['-qec', command, '/dev/null'], { cwd: folder, stdio: 'pipe', env })
    )
  }

  static #of(cleanup: Cleanup, child: ChildProcessWithoutNullStreams): ChatProcess {
    const chat = new ChatProcess(child)
    for (const [stream, lines] of [
      [child.stdout, chat.stdout],
      [child.stderr, chat.stderr]
    ] as const)
      createInterface({ input: stream }).on('line', line => {
        lines.push(line)
        chat.changed()
      })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      chat.screen += text
      chat.changed()
    })
    child.once('close', (code, signal) => {
      chat.#exit = { code, signal }
      chat.changed()
    })
    child.stdin.on('error', () => undefined)
    cleanup.add(async () => {
      if (chat.#exit === undefined) child.kill('SIGKILL')
      await chat.exit()
    })
    return chat
  }

  /** Of those who have joined it, or have found nobody to join; then it takes lines. */
  async started(): Promise<void> {
    await this.says(/type a line|"started"/)
  }

  /** Where others join, as it tells people. */
  get address(): string {
    const told = this.stderr.find(line => line.startsWith('others join at '))
    return present(told?.split(' ').at(-1), 'its address')
  }

  /** Types lines. */
  type(...lines: readonly string[]): void {
    this.press(lines.map(line => `${line}\n`).join(''))
  }

  /** Types what may be a part of a line, or no text. */
  press(keys: string): void {
    this.child.stdin.write(keys)
  }

  /** Has nothing more to say; the text is a last line without an end. */
  end(text = ''): void {
    this.child.stdin.end(text)
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Resolves once there is a line like this, wherever it has written it. */
  async says(pattern: RegExp): Promise<void> {
    await this.until(
      `it says ${pattern}`,
      () => this.#exit !== undefined || [...this.stdout, ...this.stderr].some(line => pattern.test(line))
    )
  }

  /** Resolves once its terminal shows something like this, with `▏` for the cursor. */
  async ends(pattern: RegExp): Promise<void> {
    await this.until(`its screen is ${pattern}`, () => pattern.test(screenOf(this.screen)))
  }

  /** Resolves when it has shown so many lines in all. */
  async shows(count: number): Promise<void> {
    await this.until(`${count} lines`, () => this.stdout.length >= count)
  }

  async exit(ms = PATIENCE): Promise<ChatExit> {
    await this.until('the process ends', () => this.#exit !== undefined, ms)
    return present(this.#exit)
  }

  protected override describe(): string {
    return [...this.stdout.slice(-10), ...this.stderr.slice(-20), screenOf(this.screen)].join('\n')
  }
}
