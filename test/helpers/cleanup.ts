import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Undoes what tests have set up, the last thing first, however they end: `new Cleanup(afterEach)`. */
export class Cleanup {
  readonly #undo: (() => Promise<void>)[] = []

  constructor(hook: Mocha.HookFunction) {
    hook(() => this.run())
  }

  add(undo: () => Promise<void>): void {
    this.#undo.push(undo)
  }

  /** A new folder, removed afterwards. */
  async folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'tallystick-test-'))
    this.add(() => rm(path, { recursive: true, force: true }))
    return path
  }

  /** Undoes all, and throws the first error only then. */
  async run(): Promise<void> {
    const errors: unknown[] = []
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop())
      await undo().catch((error: unknown) => errors.push(error))
    if (errors.length > 0) throw errors[0]
  }
}
