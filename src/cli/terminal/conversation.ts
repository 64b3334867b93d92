import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline'
import { ReadableStream, type ReadableStreamDefaultReader } from 'node:stream/web'
import { LIMITS } from '../../core/limits.js'
import { linesOf } from '../../core/lines.js'
import { onContinued, takeKeys } from './continued.js'
import type { Line } from './styled.js'
import { printLine, printResult, standardOutput } from './terminal.js'
import { type Typed, typedAnswer, typedLine } from './typed.js'

/** A conversation of one who types with those who are heard: at a terminal, or through pipes. */
export interface Conversation {
  /** Whether a person types and can give commands. The lines of programs are said as they are. */
  readonly isTyped: boolean
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
  if (canMove && !isPlain) return new TerminalConversation(stopping)
  return new PipedConversation(stopping, process.stdin.isTTY && !isPlain)
}

const PROMPT = '> '

/** What is heard goes above the line that is being typed. Marks tell apart what is typed, heard and noted. */
class TerminalConversation implements Conversation {
  readonly isTyped = true
  readonly #terminal: Interface
  readonly #input: ReadableStreamDefaultReader<string>
  #isAsking = false
  #isClosed = false

  constructor(signal: AbortSignal) {
    this.#terminal = createInterface({ input: process.stdin, output: standardOutput, prompt: PROMPT, signal })
    // The terminal gives Ctrl-C as a key: it is to do what the signal does.
    this.#terminal.on('SIGINT', () => process.emit('SIGINT'))
    this.#terminal.on('close', () => {
      this.#isClosed = true
    })
    this.#input = this.#typed().getReader()
    const release = onContinued(() => {
      takeKeys(process.stdin)
      this.#terminal.prompt(true)
    })
    this.#terminal.on('close', release)
  }

  async ask(question: string): Promise<string | undefined> {
    this.#isAsking = true
    this.#prompt(`${question} `)
    return (await this.#input.read()).value
  }

  async *lines(): AsyncIterable<string> {
    this.#isAsking = false
    this.#prompt()
    for (let next = await this.#input.read(); !next.done; next = await this.#input.read()) yield next.value
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

  /** What is for others. Lines wait until those before them are said; commands do not, and the prompt is back at once. */
  #typed(): ReadableStream<string> {
    return new ReadableStream<string>(
      {
        start: lines => {
          this.#terminal.on('line', line => {
            const text = this.#obey(line)
            if (text === undefined) return
            lines.enqueue(text)
            if ((lines.desiredSize ?? 0) <= 0) this.#terminal.pause()
          })
          this.#terminal.on('close', () => lines.close())
        },
        pull: () => {
          if (!this.#isClosed) this.#terminal.resume()
        }
      },
      { highWaterMark: LIMITS.typedLines }
    )
  }

  /** Undefined where that was a command. */
  #obey(line: string): string | undefined {
    const typed = this.#isAsking ? typedAnswer(line) : typedLine(line)
    switch (typed.kind) {
      case 'line':
        this.#isAsking = false
        this.#prompt()
        return typed.text
      case 'note': {
        const prompt = this.#terminal.getPrompt()
        // Enter has begun a new row, on which no prompt is drawn yet.
        this.#terminal.setPrompt('')
        this.note(...typed.lines)
        this.#prompt(prompt)
        return undefined
      }
      case 'leave':
        this.close()
        return undefined
    }
  }

  /** Lines that were typed before the end of the input may still be waiting. */
  #prompt(text = PROMPT): void {
    if (this.#isClosed) return
    this.#terminal.setPrompt(text)
    this.#terminal.prompt(true)
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
  #isAsking = false

  constructor(
    signal: AbortSignal,
    readonly isTyped: boolean
  ) {
    signal.addEventListener('abort', () => this.close(), { once: true })
    this.#input = this.#read()[Symbol.asyncIterator]()
  }

  async ask(question: string): Promise<string | undefined> {
    printLine(question)
    this.#isAsking = true
    const answer = await this.#input.next()
    this.#isAsking = false
    return answer.done === true ? undefined : answer.value
  }

  async *lines(): AsyncIterable<string> {
    for (let next = await this.#input.next(); next.done !== true; next = await this.#input.next())
      yield next.value
  }

  async *#read(): AsyncIterable<string> {
    for await (const line of this.#given()) {
      const typed = this.#typed(line)
      if (typed.kind === 'leave') return
      if (typed.kind === 'line') yield typed.text
      else this.note(...typed.lines)
    }
  }

  #typed(line: string): Typed {
    if (!this.isTyped) return { kind: 'line', text: line }
    return this.#isAsking ? typedAnswer(line) : typedLine(line)
  }

  /** What cannot be said as it was given is told, and not said. */
  async *#given(): AsyncIterable<string> {
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
