import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Changes, PATIENCE, present } from './changes.js'
import type { Cleanup } from './cleanup.js'

const PROGRAMS = {
  peer: fileURLToPath(import.meta.resolve('#src/peer.js')),
  tallystick: fileURLToPath(import.meta.resolve('#src/tallystick.js'))
}

/** Whether util-linux is there, which makes terminals. */
export function hasTerminals(): boolean {
  return spawnSync('script', ['--version']).status === 0
}

/** A program of ours at a terminal of its own. */
export class TerminalProcess extends Changes {
  /** All that it wrote, with what it does to a terminal. */
  bytes = ''
  #code: number | null | undefined

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    super()
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.bytes += text
      this.changed()
    })
    child.stdin.on('error', () => undefined)
    child.once('close', code => {
      this.#code = code
      this.changed()
    })
  }

  static start(
    cleanup: Cleanup,
    folder: string,
    columns: number,
    program: 'peer' | 'tallystick',
    args: readonly string[],
    more: Readonly<Record<string, string>> = {}
  ): TerminalProcess {
    const words = args.map(arg => `'${arg}'`).join(' ')
    const command = `stty rows 50 cols ${columns}; exec "$NODE" "$PROGRAM" ${words}`
    const { NO_COLOR: _, FORCE_COLOR: __, ...kept } = process.env
    const env = { ...kept, TERM: 'xterm', NODE: process.execPath, PROGRAM: PROGRAMS[program], ...more }
    const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: folder, stdio: 'pipe', env })
    const process_ = new TerminalProcess(child)
    cleanup.add(async () => {
      if (process_.#code === undefined) child.kill('SIGKILL')
      await process_.exit()
    })
    return process_
  }

  press(keys: string): void {
    this.child.stdin.write(keys)
  }

  /** Resolves once its screen has a line like this. */
  async shows(pattern: RegExp): Promise<void> {
    await this.until(`it shows ${pattern}`, () => this.screen.some(line => pattern.test(line)))
  }

  async exit(): Promise<number | null> {
    await this.until('the process ends', () => this.#code !== undefined, PATIENCE)
    return present(this.#code ?? undefined)
  }

  /** What a person sees, and has scrolled away, without the colours. */
  get screen(): string[] {
    return screenOf(this.bytes)
  }

  protected override describe(): string {
    return this.screen.slice(-30).join('\n')
  }
}

const SEQUENCE = new RegExp(`${'\x1b'}\\[(\\??)(\\d*)[;\\d]*([A-Za-z])|${'\x1b'}[78]|[^]`, 'gu')

/** The lines of a terminal of any height and width after these bytes. */
function screenOf(bytes: string): string[] {
  const lines: string[] = ['']
  let [row, column] = [0, 0]
  for (const [all, mode, count, command] of bytes.matchAll(SEQUENCE)) {
    const line = lines[row] ?? ''
    const number = Number(count || '1')
    if (all === '\n') row += 1
    else if (all === '\r') column = 0
    else if (command === undefined) {
      lines[row] = line.padEnd(column).slice(0, column) + all + line.slice(column + all.length)
      column += all.length
    } else if (mode === '?') continue
    else if (command === 'A') row = Math.max(0, row - number)
    else if (command === 'B') row += number
    else if (command === 'C') column += number
    else if (command === 'D') column = Math.max(0, column - number)
    else if (command === 'G') column = number - 1
    else if (command === 'K' || command === 'J') {
      lines[row] = count === '2' ? '' : line.slice(0, column)
      if (command === 'J') lines.length = row + 1
    }
    while (lines.length <= row) lines.push('')
  }
  return lines.map(line => line.trimEnd())
}
