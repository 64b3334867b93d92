import { once } from 'node:events'
import { LIMITS } from '../../core/limits.js'
import { exactJson } from '../../core/text.js'
import { cut, hasColours, type Line, rendered } from './styled.js'

/**
 * All that goes to standard output and standard error goes through here: texts of strangers are in it, and a terminal
 * obeys what it is sent. No other file names these streams, and what is for readline or progress bars comes from here.
 */

/** For programs that draw with a terminal: what they write beside their own control sequences goes through `writeLines`. */
export const standardOutput: NodeJS.WriteStream = process.stdout
export const standardError: NodeJS.WriteStream = process.stderr

/** A stream that may say how many bytes wait for its reader. */
type Shown = NodeJS.WritableStream & { readonly writableLength?: number }

let isLasting = false

/**
 * From now on this process has work beside what it prints: it goes on where its readers stop reading or go away, and
 * bounds what waits for them. What is a result alone is never left out.
 */
export function outliveReaders(): void {
  isLasting = true
}

export function outlivesReaders(): boolean {
  return isLasting
}

/** Lines that were left out, by stream, since one was written there. */
const missed = new Map<Shown, number>()

/** Whether lines are dropped because the lines before them have not been read. */
function leavesOut(stream: Shown, lines: number, mostBytes: number): boolean {
  if (!isLasting || (stream.writableLength ?? 0) <= mostBytes) return false
  missed.set(stream, (missed.get(stream) ?? 0) + lines)
  return true
}

function takeMissed(stream: Shown): number {
  const count = missed.get(stream) ?? 0
  missed.delete(stream)
  return count
}

/** One JSON object a line on standard output. */
export function printJson(value: object): void {
  if (leavesOut(standardOutput, 1, LIMITS.unshownEventBytes)) return
  const count = takeMissed(standardOutput)
  if (count > 0) standardOutput.write(`${exactJson({ event: 'unshown', count })}\n`)
  standardOutput.write(`${exactJson(value)}\n`)
}

/** Resolves once what waits for the reader of standard output is not more than it should be. */
export async function outputTaken(): Promise<void> {
  if (standardOutput.writableNeedDrain) await once(standardOutput, 'drain')
}

/** Lines for people that are the result of a command, on standard output. */
export function printResult(...lines: readonly Line[]): void {
  writeLines(standardOutput, lines)
}

/** The result of a command: for programs, and for people. */
export interface Result {
  readonly facts: object
  readonly lines: readonly string[]
}

export function show({ facts, lines }: Result, json: true | undefined): void {
  if (json) printJson(facts)
  else printResult(...lines)
}

/** Logs for people go to standard error, always. */
export function printLine(...lines: readonly Line[]): void {
  writeLines(standardError, lines)
}

/** In one write. Each stays one line, and does nothing to a terminal; `before` them go control sequences of ours. */
export function writeLines(stream: Output, lines: readonly Line[], before = ''): void {
  if (leavesOut(stream, lines.length, LIMITS.unshownBytes)) return
  const count = takeMissed(stream)
  if (count > 0) printLine(`${count} lines were not shown, as the output was not read`)
  const inColours = hasColours(stream.isTTY === true, process.env)
  const text = lines.map(line => `${rendered(line, inColours)}\n`).join('')
  const isBelow = status !== '' && stream.isTTY === true
  stream.write(isBelow ? `${ERASE_LINE}${before}${text}${status}` : before + text)
}

const ERASE_LINE = '\r\x1b[K'
let status = ''

/** Shows a line below all others, in place of the one before, where standard error is a terminal; an empty text ends it. */
export function showStatus(text: string): void {
  const { TERM } = process.env
  if (standardError.isTTY !== true || TERM === 'dumb') return
  status = rendered(cut(text, (standardError.columns || 80) - 1), false)
  standardError.write(`${ERASE_LINE}${status}`)
}

/** Not every terminal says how large it is. */
export type Output = NodeJS.WritableStream & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'rows' | 'columns'>>

/** A file that is written to standard output in place of a name; it is not for terminals. */
export function writeFileContent(content: string | Uint8Array): void {
  standardOutput.write(content)
}
