import { once } from 'node:events'
import { exactJson, harmless } from '../core/text.js'

/**
 * All that goes to standard output and standard error goes through here: texts of strangers are in it, and a terminal
 * obeys what it is sent. No other file names these streams, and what is for readline or progress bars comes from here.
 */

/** For programs that draw with a terminal: what they write beside their own control sequences goes through `writeLines`. */
export const standardOutput: NodeJS.WriteStream = process.stdout
export const standardError: NodeJS.WriteStream = process.stderr

/** One JSON object a line on standard output. */
export function printJson(value: object): void {
  standardOutput.write(`${exactJson(value)}\n`)
}

/** Resolves once what waits for the reader of standard output is not more than it should be. */
export async function outputTaken(): Promise<void> {
  if (standardOutput.writableNeedDrain) await once(standardOutput, 'drain')
}

/** Lines for people that are the result of a command, on standard output. */
export function printResult(...lines: readonly string[]): void {
  writeLines(standardOutput, lines)
}

/** Logs for people go to standard error, always. */
export function printLine(...lines: readonly string[]): void {
  writeLines(standardError, lines)
}

/** In one write. Each stays one line, and does nothing to a terminal; `before` them go control sequences of ours. */
export function writeLines(stream: NodeJS.WritableStream, lines: readonly string[], before = ''): void {
  stream.write(before + lines.map(line => `${harmless(line)}\n`).join(''))
}

/** A file that is written to standard output in place of a name; it is not for terminals. */
export function writeFileContent(content: string | Uint8Array): void {
  standardOutput.write(content)
}
