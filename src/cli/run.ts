import { type Command, CommanderError } from 'commander'
import { StoreError } from '../chain/store.js'
import { ERRORS, type ErrorCode, systemCode, TallystickError } from '../core/errors.js'
import { describeError } from '../core/events.js'
import { causeOf, Failure, UsageError } from './failure.js'
import { fitHelp } from './terminal/help.js'
import { bad } from './terminal/styled.js'
import {
  outlivesReaders,
  printJson,
  printLine,
  printResult,
  standardError,
  standardOutput
} from './terminal/terminal.js'

/** Runs a command line to its end. Whatever goes wrong becomes one sentence and an exit code; only a defect of ours shows its stack. */
export async function run(program: Command): Promise<void> {
  standardOutput.on('error', error => {
    if (outlivesReaders()) return
    // Whoever reads us has gone, as `head` does, or the terminal has. Nothing is left to say.
    if (['EPIPE', 'EIO'].includes(systemCode(error) ?? '')) process.exit()
    process.exit(
      explain(
        new Failure('ERR_CANNOT_WRITE', `standard output cannot be written (${causeOf(error)})`, {
          cause: error
        }),
        false
      )
    )
  })
  // What is told beside the result is not worth the result.
  standardError.on('error', () => undefined)
  const isJson = process.argv.includes('--json')
  // Node itself would write these as they are, with texts of strangers in them.
  process.on('uncaughtException', error => process.exit(explain(error, isJson)))
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => printLine(`${name}: ${message}`))
  try {
    expectUtf8(process.argv.slice(2))
    prepare(program)
    if (process.argv.length <= 2) program.help({ error: true })
    await program.parseAsync()
  } catch (error) {
    process.exitCode = explain(error, isJson)
  }
}

/**
 * Node has put U+FFFD where an argument was not UTF-8, and what was there is lost: nothing may be signed or opened under
 * that name. Throws UsageError.
 */
function expectUtf8(args: readonly string[]): void {
  const place = args.findIndex(arg => arg.includes('\ufffd'))
  if (place >= 0)
    throw new UsageError(
      `argument ${place + 1} is not UTF-8, or holds the character U+FFFD, which stands for what is not; give it in UTF-8, and a message that holds it by --stdin`
    )
}

/** Errors are thrown, and what commander says goes where all else goes. */
function prepare(command: Command, before = ''): void {
  const name = `${before}${command.name()}`
  command.exitOverride()
  fitHelp(command)
  command.showHelpAfterError(`${name} --help tells more`)
  command.configureOutput({
    writeOut: text => printResult(...linesIn(text)),
    writeErr: text => printLine(...linesIn(text))
  })
  for (const part of command.commands) prepare(part, `${name} `)
}

function linesIn(text: string): string[] {
  return text.replace(/\n$/, '').split('\n')
}

function explain(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    // commander has said it for people already.
    if (json)
      printJson({ error: error.message.replace(/^error: /, ''), code: 'ERR_USAGE' satisfies ErrorCode })
    return ERRORS.ERR_USAGE.exitCode ?? 1
  }
  const { code, message } = codedError(error)
  const { isDefect, exitCode = 1 } = ERRORS[code]
  if (isDefect) {
    if (json) printJson({ error: `${ERRORS.ERR_INTERNAL.means}: ${message}`, code })
    printLine(`${ERRORS.ERR_INTERNAL.means}: ${message}`, ...placesIn(error))
    return exitCode
  }
  if (json) printJson({ error: message, code })
  printLine([bad('error'), `: ${message}`])
  return exitCode
}

/** The code and the sentence that a command ends with. */
function codedError(error: unknown): { readonly code: ErrorCode; readonly message: string } {
  if (error instanceof StoreError && error.remedy !== undefined)
    return { code: error.code, message: `${error.message}; ${error.remedy}` }
  if (error instanceof TallystickError) return error
  if (systemCode(error) === 'LEVEL_CORRUPTION')
    return { code: 'ERR_DAMAGED', message: `the database is damaged (${describeError(error)})` }
  return { code: 'ERR_INTERNAL', message: describeError(error) }
}

/** Where it happened; the lines of its message are not among these. */
function placesIn(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  return stack.split('\n').filter(line => /^ {4}at /.test(line))
}
