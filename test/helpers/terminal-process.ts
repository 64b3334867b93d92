import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Changes, PATIENCE, present } from './changes.js'
import type { Cleanup } from './cleanup.js'
import { screenAfter } from './screen.js'

const PROGRAMS = {
  peer: fileURLToPath(import.meta.resolve('#src/peer.js')),
  tallystick: fileURLToPath(import.meta.resolve('#tools/tallystick.js'))
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
  get screen(): readonly string[] {
    return screenAfter(this.bytes).lines
  }

  protected override describe(): string {
    return this.screen.slice(-30).join('\n')
  }
}
