import stringWidth from 'string-width'

/** How much room a text takes at a terminal: Chinese, Japanese and Korean characters and emoji take two columns each. */

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Most texts by far: a column for each character. */
const PLAIN = /^[\x20-\x7e]*$/

/** Shown as one emoji, however many code points it is made of. */
const IS_EMOJI = /\p{Emoji_Presentation}|\ufe0f/u

/** Drawn over the character before them, or not at all. */
const WITHOUT_WIDTH = /[\p{Nonspacing_Mark}\p{Enclosing_Mark}\p{Default_Ignorable_Code_Point}]/gu

/** For text that is harmless: control characters count nothing. */
export function columnsOf(text: string): number {
  if (PLAIN.test(text)) return text.length
  let columns = 0
  for (const grapheme of graphemesOf(text)) columns += columnsOfGrapheme(grapheme)
  return columns
}

/** As much of its beginning as fits; no character that people see is divided. */
export function startOf(text: string, columns: number): string {
  if (PLAIN.test(text)) return text.slice(0, Math.max(0, columns))
  let [start, room] = ['', columns]
  for (const grapheme of graphemesOf(text)) {
    room -= columnsOfGrapheme(grapheme)
    if (room < 0) break
    start += grapheme
  }
  return start
}

/** In parts of so many columns at most. A character that is wider than that is a part by itself. */
export function dividedAt(text: string, columns: number): string[] {
  const parts: string[] = []
  for (let rest = text; rest !== ''; ) {
    const [first = rest] = graphemesOf(rest)
    const part = startOf(rest, columns) || first
    parts.push(part)
    rest = rest.slice(part.length)
  }
  return parts
}

/** What people see as one character each. */
function* graphemesOf(text: string): Iterable<string> {
  for (const { segment } of GRAPHEMES.segment(text)) yield segment
}

function columnsOfGrapheme(grapheme: string): number {
  return IS_EMOJI.test(grapheme) ? 2 : stringWidth(grapheme.replace(WITHOUT_WIDTH, ''))
}
