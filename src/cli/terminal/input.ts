import { fstatSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { idOf } from '../../client/outbox-entries.js'
import { systemCode } from '../../core/errors.js'
import type { MessageId } from '../../core/events.js'
import { InexactJson, parseExactJson } from '../../core/exact-json.js'
import { LIMITS } from '../../core/limits.js'
import { type LineFault, linesOf } from '../../core/lines.js'
import type { Reason } from '../../core/refusal.js'
import { Failure, UsageError } from '../failure.js'

/** What a client is to send: a message, or why what was given is none. `id`: what events call it. */
export type Said =
  | { readonly ok: true; readonly id?: MessageId; readonly value: unknown }
  | { readonly ok: false; readonly id: MessageId; readonly reason: Reason; readonly detail: string }

/** Where a client takes what it sends. */
export interface Source {
  /** `made up`: generated, so that none of them can be missed. `lines`: as many as come. */
  readonly kind: 'made up' | 'one' | 'lines'
  /** Ends where `signal` fires, and with the input. */
  read(signal: AbortSignal): AsyncIterable<Said>
}

/** The lines of standard input. Throws UsageError where it is a folder, which Node takes for an empty file. */
export function linesOfStandardInput(): Source {
  if (fstatSync(0).isDirectory())
    throw new UsageError('standard input is a folder; give a file with lines, or a pipe')
  return linesFrom(process.stdin)
}

/** The lines of a stream. Empty ones say nothing. */
export function linesFrom(input: Readable): Source {
  return { kind: 'lines', read: signal => saidIn(input, signal) }
}

async function* saidIn(input: Readable, signal: AbortSignal): AsyncIterable<Said> {
  // What is read by then stays read, and an open pipe would keep the process.
  const end = (): void => void input.destroy()
  signal.addEventListener('abort', end, { once: true })
  let number = 0
  try {
    if (signal.aborted) return
    for await (const line of linesOf(input, { most: LIMITS.messageLineBytes })) {
      number = line.number
      if (!line.ok) yield notRead(number, line.fault)
      else if (line.text.trim() !== '') yield named(number, readSaid(line.text))
      if (signal.aborted) return
    }
  } catch (error) {
    if (signal.aborted) return
    throw new Failure(
      'ERR_CANNOT_READ',
      `standard input cannot be read any more after line ${number} (${systemCode(error) ?? error}); what came before it was sent`,
      { cause: error }
    )
  } finally {
    signal.removeEventListener('abort', end)
    input.destroy()
  }
}

function notRead(number: number, fault: LineFault): Said {
  return fault === 'too long'
    ? refused(number, 'too large', `line ${number} has more than ${LIMITS.messageLineBytes} bytes`)
    : refused(number, 'bad encoding', `line ${number} is not UTF-8`)
}

function named(number: number, read: ReadText): Said {
  if (!read.ok) return refused(number, 'bad schema', `line ${number}: ${read.problem}`)
  return { ok: true, id: idOf(read.value) ?? number, value: read.value }
}

function refused(id: number, reason: Reason, detail: string): Said {
  return { ok: false, id, reason, detail }
}

type ReadText =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string }

/**
 * What a person types is a text; what a program writes may be the whole message, as a JSON object. JSON that would become
 * another object by being read is none of the two, nor is an object behind a byte order mark, as some editors write it:
 * as a text it would be signed as something that its author did not mean.
 */
export function readSaid(text: string): ReadText {
  if (/^\ufeff\s*\{/.test(text))
    return { ok: false, problem: 'it begins with a byte order mark (BOM); write it as UTF-8 without one' }
  try {
    const value = parseExactJson(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ok: true, value }
  } catch (error) {
    // A text may well look like a number that is too long.
    if (error instanceof InexactJson && /^\s*\{/.test(text)) return { ok: false, problem: error.message }
    if (!(error instanceof SyntaxError || error instanceof InexactJson)) throw error
  }
  return { ok: true, value: { text } }
}
