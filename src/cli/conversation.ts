import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline'
import { LIMITS } from '../core/limits.js'
import { linesOf } from '../core/lines.js'
import { onContinued, takeKeys } from './continued.js'
import type { Line } from './styled.js'
import { printLine, printResult, standardOutput } from './terminal.js'

/** A conversation of one who types with those who are heard: at a terminal, or through pipes. */
export interface Conversation {
  /** A line in answer to a question; undefined where there is no more input. */
  ask(question: string): Promise<string | undefined>
  /** What is typed from now on, line by line, until the input ends or the signal fires. */
  lines(): AsyncIterable<string>
  /** What was heard. */
  hear(text: string): void
  /** What is not part of the conversation. */
  note(...lines: readonly Line[]): void
  close(): void
}

export interface ConversationOptions {
  /** Where nothing but lines is to be written, whatever the output is. */
  readonly isPlain: boolean
  readonly stopping: AbortSignal
}

export function openConversation({ isPlain, stopping }: ConversationOptions): Conversation {
  const { TERM } = process.env
  const canMove = process.stdin.isTTY && standardOutput.isTTY && TERM !== 'dumb'
  return canMove && !isPlain ? new TerminalConversation(stopping) : new PipedConversation(stopping)
}

const PROMPT = '> '

/** What is heard goes above the line that is being typed. Marks tell apart what is typed, heard and noted. */
class TerminalConversation implements Conversation {
  readonly #terminal: Interface
  readonly #input: AsyncIterator<string>
  #isClosed = false

  constructor(signal: AbortSignal) {
    this.#terminal = createInterface({ input: process.stdin, output: standardOutput, prompt: PROMPT, signal })
    // The terminal gives Ctrl-C as a key: it is to do what the signal does.
    this.#terminal.on('SIGINT', () => process.emit('SIGINT'))
    this.#terminal.on('close', () => {
      this.#isClosed = true
    })
    this.#input = this.#terminal[Symbol.asyncIterator]()
    const release = onContinued(() => {
      takeKeys(process.stdin)
      this.#terminal.prompt(true)
    })
    this.#terminal.on('close', release)
  }

  async ask(question: string): Promise<string | undefined> {
    this.#terminal.setPrompt(`${question} `)
    this.#prompt()
    const answer = await this.#input.next()
    this.#terminal.setPrompt(PROMPT)
    return answer.done === true ? undefined : answer.value
  }

  async *lines(): AsyncIterable<string> {
    for (;;) {
      this.#prompt()
      const next = await this.#input.next()
      if (next.done === true) return
      yield next.value
    }
  }

  hear(text: string): void {
    this.#above(`< ${text}`)
  }

  note(...lines: readonly Line[]): void {
    this.#above(...lines.map((line): Line => ['-- ', ...(typeof line === 'string' ? [line] : line)]))
  }

  close(): void {
    this.#terminal.close()
  }

  /** Lines that were typed before the end of the input may still be waiting. */
  #prompt(): void {
    if (!this.#isClosed) this.#terminal.prompt(true)
  }

  #above(...lines: readonly Line[]): void {
    const { rows } = this.#terminal.getCursorPos()
    moveCursor(standardOutput, 0, -rows)
    cursorTo(standardOutput, 0)
    clearScreenDown(standardOutput)
    printResult(...lines)
    if (this.#isClosed) return
    // readline goes up as many rows as it believes it is down before it draws its line again.
    standardOutput.write('\n'.repeat(rowsDrawn(this.#terminal) ?? rows))
    this.#terminal.prompt(true)
  }
}

/** Where readline took the cursor to be when it last drew its line: text that was pasted since is not counted. */
function rowsDrawn(terminal: Interface): number | undefined {
  return 'prevRows' in terminal && typeof terminal.prevRows === 'number' ? terminal.prevRows : undefined
}

/** Nothing but lines comes in and goes out; questions and notes go where logs go. */
class PipedConversation implements Conversation {
  readonly #input: AsyncIterator<string>

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.close(), { once: true })
    this.#input = this.#read()[Symbol.asyncIterator]()
  }

  async ask(question: string): Promise<string | undefined> {
    printLine(question)
    const answer = await this.#input.next()
    return answer.done === true ? undefined : answer.value
  }

  async *lines(): AsyncIterable<string> {
    for (let next = await this.#input.next(); next.done !== true; next = await this.#input.next())
      yield next.value
  }

  /** What cannot be said as it was given is told, and not said. */
  async *#read(): AsyncIterable<string> {
    try {
      for await (const line of linesOf(process.stdin, { most: LIMITS.inputLineBytes }))
        if (line.ok) yield line.text
        else if (line.fault === 'not UTF-8') this.note(`line ${line.number} is not UTF-8 and was not sent`)
        else this.note(`line ${line.number} has more than ${LIMITS.inputLineBytes} bytes and was not sent`)
    } catch (error) {
      // It was closed here, or by the one who wrote to it.
      if (!process.stdin.destroyed) throw error
    }
  }

  hear(text: string): void {
    printResult(text)
  }

  note(...lines: readonly Line[]): void {
    printLine(...lines)
  }

  close(): void {
    process.stdin.destroy()
  }
}
