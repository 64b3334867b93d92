import { LIMITS } from './limits.js'

/** Texts of strangers, on their way to a terminal. */

/** In Unicode characters, whatever each takes in memory. */
export function lengthOf(text: string): number {
  let length = 0
  for (let unit = 0; unit < text.length; unit += 1) {
    // Two units that are one character: its code point is beyond the first 65,536.
    if ((text.codePointAt(unit) ?? 0) > 0xffff) unit += 1
    length += 1
  }
  return length
}

/** As many of the first characters as fit, without dividing what is shown as one. */
export function shortened(text: string, most: number): string {
  if (lengthOf(text) <= most) return text
  let kept = ''
  let length = 0
  for (const { segment } of graphemes.segment(text)) {
    length += lengthOf(segment)
    if (length > most) break
    kept += segment
  }
  // One that is longer than all that may be shown has to be divided.
  return kept === '' ? [...text].slice(0, most).join('') : kept
}

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })

/**
 * What can be shown of a text without its doing anything: it moves no cursor, sets no colour, hides nothing, turns
 * nothing round, and stays on its line. Writing and emoji of all languages stay as they are. What is harmless
 * stays so: harmless(harmless(text)) = harmless(text).
 */
export function harmless(text: string): string {
  if (PLAIN.test(text)) return text
  return text
    .replace(LINE_BREAKS, ' ')
    .replace(CONTROLS, '\ufffd')
    .replace(INVISIBLE, '')
    .replace(STRAY_SELECTORS, '')
    .replace(STRAY_JOINERS, '')
    .replace(MARKS, '$1')
}

/** Most texts by far. */
const PLAIN = /^[\x20-\x7e]*$/

/** Tabs, too. */
const LINE_BREAKS = /[\t-\r\u0085\u2028\u2029]/g

/** C0, DEL, C1, and halves of surrogates. What followed an ESC is plain text without it. */
const CONTROLS = /[\p{Control}\p{Surrogate}]/gu

/** All that turns the direction of writing is among it. Joiners and selectors have their places, which come below. */
const INVISIBLE = /(?!\u200c|\u200d|\ufe0e|\ufe0f)[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu

/** Selectors choose between the two looks of an emoji. */
const STRAY_SELECTORS = /(?<!\p{Emoji})[\ufe0e\ufe0f]/gu

/** Joiners stand between two letters, of scripts that join them, or between two emoji. */
const BEFORE_JOINER = /(?!\p{ASCII})[\p{Letter}\p{Mark}\p{Emoji}]/u.source
const AFTER_JOINER = /(?!\p{ASCII})[\p{Letter}\p{Extended_Pictographic}]/u.source
const STRAY_JOINERS = new RegExp(
  `(?<!${BEFORE_JOINER})[\\u200c\\u200d]|[\\u200c\\u200d](?!${AFTER_JOINER})`,
  'gu'
)

/** More of them on one character than any language sets grow over the lines above and below. */
const MARKS = new RegExp(`(\\p{Mark}{${LIMITS.lineMarks}})\\p{Mark}+`, 'gu')

/**
 * JSON that a terminal may be shown: what `harmless` would change stands as an escape, so that a program that
 * parses it has each character as it was. Such characters stand in strings alone.
 */
export function exactJson(value: object): string {
  return JSON.stringify(value)
    .replace(UNSEEN, escaped)
    .replace(MARKS, (all, shown: string) => shown + escaped(all.slice(shown.length)))
}

const UNSEEN =
  /[\p{Control}\p{Format}\p{Line_Separator}\p{Paragraph_Separator}\p{Default_Ignorable_Code_Point}]/gu

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
