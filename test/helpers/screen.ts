import { spawnSync } from 'node:child_process'

/**
 * Whether util-linux is here, whose `script` makes a terminal. Debian and .ci/run have it; where it is missing, as on
 * Windows, there is no terminal to test at.
 */
export function hasTerminals(): boolean {
  return spawnSync('script', ['--version']).status === 0
}

interface Screen {
  readonly lines: readonly string[]
  /** The line and the column of the cursor. */
  readonly cursor: readonly [line: number, column: number]
}

const ESC = '\x1b'
const PIECE = new RegExp(`${ESC}\\[(\\??)(\\d*)[;\\d]*([A-Za-z])|${ESC}[78]|[^]`, 'gu')

/** What stands on a terminal of any height after these bytes, and has scrolled away. */
export function screenAfter(bytes: string, columns = Number.POSITIVE_INFINITY): Screen {
  const rows: string[][] = [[]]
  let [row, column] = [0, 0]
  const line = (): string[] => {
    while (rows.length <= row) rows.push([])
    return rows[row] ?? []
  }
  for (const [piece, mode = '', count = '', command] of bytes.matchAll(PIECE)) {
    const number = Number(count || '1')
    if (mode === '?' || piece === `${ESC}7` || piece === `${ESC}8`) continue
    if (piece === '\n') row += 1
    else if (piece === '\r') column = 0
    else if (piece === '\b') column -= 1
    else if (command === 'A') row = Math.max(0, row - number)
    else if (command === 'B') row += number
    else if (command === 'C') column += number
    else if (command === 'D') column = Math.max(0, column - number)
    else if (command === 'G') column = number - 1
    else if (command === 'J' || command === 'K') {
      line().length = count === '2' ? 0 : Math.min(line().length, column)
      if (command === 'J') rows.length = row + 1
    } else if (command === undefined && piece >= ' ') {
      if (column >= columns) [row, column] = [row + 1, 0]
      const at = line()
      while (at.length < column) at.push(' ')
      at[column] = piece
      column += 1
    }
    line()
  }
  return { lines: rows.map(characters => characters.join('').trimEnd()), cursor: [row, column] }
}

/** The same as one text, with the cursor as `▏`. */
export function screenOf(bytes: string, columns = 60): string {
  const { lines, cursor } = screenAfter(bytes, columns)
  const [row, column] = cursor
  return lines
    .map((line, index) => {
      if (index !== row) return line
      const padded = line.padEnd(column)
      return `${padded.slice(0, column)}▏${padded.slice(column)}`.trimEnd()
    })
    .join('\n')
}
