import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { harmless } from '../../core/text.js'
import { Failure } from '../failure.js'
import { readPrivate } from '../files/files.js'
import { onContinued, takeKeys } from './continued.js'
import { standardError } from './terminal.js'

/** Where passphrases come from: a file that the environment names, the environment, or who sits at the terminal. */

/** Of a file that is there, or that is being made. */
const PASSPHRASE = 'TALLYSTICK_PASSPHRASE'
/** Of a file whose passphrase is being changed. */
const NEW_PASSPHRASE = 'TALLYSTICK_NEW_PASSPHRASE'

/** Passphrases to try, in this order: that of the environment, or those known from other files, then what is typed. */
export async function* passphrasesFor(path: string, known: Iterable<string>): AsyncIterable<string> {
  const given = await fromEnvironment(PASSPHRASE)
  if (given !== undefined) return yield given
  yield* known
  yield* await atTerminal([`passphrase of ${path}: `], PASSPHRASE, path)
}

export function newPassphrase(path: string): Promise<string> {
  return chosen(path, PASSPHRASE)
}

export function changedPassphrase(path: string): Promise<string> {
  return chosen(path, NEW_PASSPHRASE)
}

async function chosen(path: string, variable: string): Promise<string> {
  const given = await fromEnvironment(variable)
  if (given !== undefined) return given
  const questions = [`new passphrase for ${path}: `, 'once more: ']
  const [first = '', second] = await atTerminal(questions, variable, path)
  if (first === '') throw new Failure('ERR_PASSPHRASE', 'the passphrase is empty; nothing was written')
  if (first !== second) throw new Failure('ERR_PASSPHRASE', 'the two passphrases differ; nothing was written')
  return first
}

async function fromEnvironment(variable: string): Promise<string | undefined> {
  const file = process.env[`${variable}_FILE`]
  const passphrase =
    file === undefined
      ? process.env[variable]
      : Buffer.from(await readPrivate(file))
          .toString()
          .replace(/\r?\n$/, '')
  if (passphrase === '') throw new Failure('ERR_PASSPHRASE', `the passphrase in ${file ?? variable} is empty`)
  return passphrase
}

function atTerminal(questions: readonly string[], variable: string, path: string): Promise<string[]> {
  if (!process.stdin.isTTY)
    throw new Failure(
      'ERR_PASSPHRASE',
      `${path} needs a passphrase, and there is no terminal to ask for it; put it into a file of mode 0600 and name that in ${variable}_FILE, or set ${variable}`
    )
  return askHidden(questions, process.stdin, standardError)
}

/** Asks one question after the other. What is typed is not shown. Throws Failure where the answers end early. */
export async function askHidden(
  questions: readonly string[],
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream
): Promise<string[]> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input, output: nowhere, terminal: true })
  lines.on('SIGINT', () => lines.close())
  const answers: string[] = []
  let question = ''
  const show = (): void => void output.write(harmless(question))
  const release = onContinued(() => {
    takeKeys(input)
    lines.resume()
    show()
  })
  try {
    const typing = lines[Symbol.asyncIterator]()
    for (question of questions) {
      show()
      const line = await typing.next()
      output.write('\n')
      if (line.done === true) throw new Failure('ERR_PASSPHRASE', 'no passphrase was given')
      answers.push(line.value)
    }
    return answers
  } finally {
    release()
    lines.close()
  }
}
