const PIECE = new RegExp(`${'\x1b'}\\[\\??(\\d*)[;\\d]*([A-Za-z])|[\\s\\S]`, 'gu')

/** What stands on a terminal after these bytes, and has scrolled away: line by line, with the cursor as `▏`. */
export function screenOf(bytes: string, columns = 60): string {
  const rows: string[][] = [[]]
  let [row, column] = [0, 0]
  const line = (): string[] => {
    while (rows.length <= row) rows.push([])
    return rows[row] ?? []
  }
  for (const [piece, count = '', command] of bytes.matchAll(PIECE)) {
    const number = Number(count || '1')
    if (piece === '\n') row += 1
    else if (piece === '\r') column = 0
    else if (piece === '\b') column -= 1
    else if (command === 'A') row = Math.max(0, row - number)
    else if (command === 'B') row += number
    else if (command === 'C') column += number
    else if (command === 'D') column = Math.max(0, column - number)
    else if (command === 'G') column = number - 1
    else if (command === 'J' || command === 'K') {
      line().length = Math.min(line().length, column)
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
  const cursor = line()
  while (cursor.length < column) cursor.push(' ')
  cursor.splice(column, 0, '▏')
  return rows.map(characters => characters.join('').trimEnd()).join('\n')
}
