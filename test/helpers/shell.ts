import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Changes } from './changes.js'
import type { Cleanup } from './cleanup.js'

const TOOL = fileURLToPath(import.meta.resolve('#tools/tallystick.js'))

/** A shell with job control at a terminal, as somebody has who types Ctrl-Z and `fg`. */
export class Shell extends Changes {
  /** All that the terminal was sent. */
  screen = ''
  #isGone = false

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    super()
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.screen += text
      this.changed()
    })
    child.stdin.on('error', () => undefined)
    child.once('close', () => {
      this.#isGone = true
      this.changed()
    })
  }

  static start(cleanup: Cleanup, folder: string): Shell {
    const env = { ...process.env, TERM: 'xterm', NODE: process.execPath, TOOL }
    const command = ['-qec', 'bash --norc --noprofile -i', '/dev/null']
    const shell = new Shell(spawn('script', command, { cwd: folder, stdio: 'pipe', env }))
    cleanup.add(async () => {
      // The hang-up of the terminal ends what runs there.
      shell.child.kill('SIGKILL')
      await shell.until('the shell ends', () => shell.#isGone)
    })
    return shell
  }

  press(keys: string): void {
    this.child.stdin.write(keys)
  }

  /** Resolves once the terminal is sent something like this after what it was sent before. Gives what came up to then. */
  async sees(pattern: RegExp, after = 0): Promise<string> {
    await this.until(`it shows ${pattern}`, () => this.#isGone || pattern.test(this.screen.slice(after)))
    if (!pattern.test(this.screen.slice(after))) throw new Error(`the shell has ended: ${this.screen}`)
    return this.screen.slice(after)
  }

  /** Stops what runs, by Ctrl-Z or as `stop` does it, and has it go on. Gives where that stands on the screen. */
  async stopAndGoOn(stop = (): void => this.press('\u001a')): Promise<number> {
    const before = this.screen.length
    stop()
    await this.sees(/Stopped[\s\S]*[#$] $/, before)
    this.press('fg\n')
    await this.sees(/fg\r\n/, before)
    return this.screen.indexOf('fg\r\n', before)
  }

  protected override describe(): string {
    return JSON.stringify(this.screen.slice(-1_000))
  }
}
