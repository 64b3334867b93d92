import { styleText } from 'node:util'
import { harmless } from '../../core/text.js'
import { columnsOf, dividedAt, startOf } from './columns.js'

/** How a part of a line looks where there are colours. `head 0`, `head 1`, …: things that are to be told apart. */
export type Look = 'good' | 'bad' | 'doubtful' | `head ${number}`

export interface Span {
  readonly text: string
  readonly look: Look
}

/** A line for people. The colours come to it when it is written, so that texts of strangers in it bring none. */
export type Line = string | readonly (string | Span)[]

type Colour = Parameters<typeof styleText>[0]

const COLOURS: Readonly<Record<Exclude<Look, `head ${number}`>, Colour>> = {
  good: 'green',
  bad: 'red',
  doubtful: 'yellow'
}

/** None of those that say good or bad. */
const OF_HEADS: readonly Colour[] = ['cyan', 'magenta', 'blue', 'cyanBright', 'magentaBright', 'blueBright']

export function good(text: string): Span {
  return { text, look: 'good' }
}

export function bad(text: string): Span {
  return { text, look: 'bad' }
}

/** As it is written: harmless, and with colours of ours alone. */
export function rendered(line: Line, hasColours: boolean): string {
  if (!hasColours) return harmless(textOf(line))
  return spansOf(line)
    .map(({ text, look }) =>
      look === undefined
        ? harmless(text)
        : styleText(colourOf(look), harmless(text), { validateStream: false })
    )
    .join('')
}

/** Whether a stream gets colours: NO_COLOR forbids, FORCE_COLOR demands them; else a terminal has them that is not dumb. */
export function hasColours(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  const { NO_COLOR = '', FORCE_COLOR, TERM } = env
  if (NO_COLOR !== '' || FORCE_COLOR === '0' || FORCE_COLOR === 'false') return false
  return FORCE_COLOR !== undefined || (isTerminal && TERM !== 'dumb')
}

export function textOf(line: Line): string {
  return spansOf(line)
    .map(({ text }) => text)
    .join('')
}

/** Divided after spaces, and what is too long after a comma or a slash, into lines of so many columns at most. */
export function wrapped(line: Line, width: number): Line[] {
  const lines: Part[][] = [[]]
  let room = width
  for (const { text, look } of spansOf(line))
    for (const piece of piecesOf(harmless(text), width)) {
      if (columnsOf(piece.trimEnd()) > room) {
        lines.push([])
        room = width
      }
      lines.at(-1)?.push({ text: piece, look })
      room -= columnsOf(piece)
    }
  return lines.map(lineOf)
}

/** None of them is wider than that without the space at its end. */
function piecesOf(text: string, width: number): string[] {
  const isLong = (piece: string): boolean => columnsOf(piece.trimEnd()) > width
  return text
    .split(/(?<= )/)
    .flatMap(word => (isLong(word) ? word.split(/(?<=[,/])/) : [word]))
    .flatMap(part => (isLong(part) ? dividedAt(part, width) : [part]))
}

/** No wider than that. */
export function cut(line: Line, width: number): Line {
  let room = width
  return lineOf(
    spansOf(line).map(({ text, look }) => {
      const shown = harmless(text)
      const kept = startOf(shown, room)
      // Nothing follows a span that was cut, not even what is narrow enough for the column that a wide one left.
      room = kept === shown ? room - columnsOf(kept) : 0
      return { text: kept, look }
    })
  )
}

interface Part {
  readonly text: string
  readonly look: Look | undefined
}

function spansOf(line: Line): Part[] {
  const parts = typeof line === 'string' ? [line] : line
  return parts.map(part => (typeof part === 'string' ? { text: part, look: undefined } : part))
}

/** Without spaces at its end. */
function lineOf(parts: readonly Part[]): Line {
  const last = parts.at(-1)
  const trimmed = last === undefined ? [] : [...parts.slice(0, -1), { ...last, text: last.text.trimEnd() }]
  return trimmed.map(({ text, look }) => (look === undefined ? text : { text, look }))
}

function colourOf(look: Look): Colour {
  if (look === 'good' || look === 'bad' || look === 'doubtful') return COLOURS[look]
  return OF_HEADS[Number(look.slice('head '.length)) % OF_HEADS.length] ?? 'cyan'
}
