import { type ChildProcess, fork } from 'node:child_process'

/** One side of a benchmark in a process of its own: it is asked over Node's IPC and answers. */
export class BenchProcess {
  readonly #child: ChildProcess

  /** `module` is the name of one of bench/*-process.js, without its ending. */
  constructor(module: string, argument: unknown) {
    const file = new URL(import.meta.resolve(`#tools/bench/${module}.js`))
    this.#child = fork(file, [JSON.stringify(argument)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  }

  /** Sends a word and awaits the answer to it, whose shape the module named by it documents. */
  async ask<Answer>(word: string, within: number): Promise<Answer> {
    const answer = Promise.withResolvers<Answer>()
    const timer = setTimeout(
      () => answer.reject(new Error(`no answer to "${word}" within ${within / 1000} s`)),
      within
    )
    const onMessage = (message: { readonly answer?: Answer; readonly error?: string }): void => {
      if (message.error !== undefined || message.answer === undefined)
        answer.reject(new Error(message.error ?? 'no answer'))
      else answer.resolve(message.answer)
    }
    const onExit = (): void => answer.reject(new Error(`the process ended before it answered "${word}"`))
    this.#child.on('message', onMessage)
    this.#child.on('exit', onExit)
    try {
      this.#child.send(word)
      return await answer.promise
    } finally {
      clearTimeout(timer)
      this.#child.off('message', onMessage)
      this.#child.off('exit', onExit)
    }
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }
}

/** The other end: answers each word until the parent has gone. */
export async function answerAs<Argument>(
  make: (argument: Argument) => Promise<Readonly<Record<string, () => Promise<unknown>>>>
): Promise<void> {
  process.on('disconnect', () => process.exit(0))
  const argument: Argument = JSON.parse(process.argv[2] ?? 'null')
  const made = make(argument)
  process.on('message', async (word: string) => {
    try {
      const answers = await made
      const answer = answers[word]
      if (answer === undefined) throw new Error(`nothing answers "${word}" here`)
      process.send?.({ answer: (await answer()) ?? null })
    } catch (error) {
      process.send?.({ error: error instanceof Error ? error.stack : String(error) })
    }
  })
  await made
}

/** What a process has taken so far, with all its threads. */
export interface Usage {
  readonly cpuMs: number
  readonly peakRssMb: number
}

export function usageSoFar(): Usage {
  const { user, system } = process.cpuUsage()
  return { cpuMs: (user + system) / 1000, peakRssMb: process.resourceUsage().maxRSS / 1024 }
}
