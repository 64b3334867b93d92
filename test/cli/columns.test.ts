import assert from 'node:assert/strict'
import fc from 'fast-check'
import { columnsOf, startOf } from '#src/cli/terminal/columns.js'
import { bad, cut, type Line, rendered, textOf, wrapped } from '#src/cli/terminal/styled.js'

const FAMILY = '👨‍👩‍👧'
const ACCENT = 'e\u0301'

/** Visible characters of many kinds: narrow, wide, of several code points, and such as a terminal would obey. */
const texts = fc
  .array(
    fc.constantFrom(
      'a',
      ' ',
      ',',
      '/',
      '日',
      '한',
      'Ｗ',
      '𠀀',
      '🫠',
      FAMILY,
      '🇨🇭',
      '1️⃣',
      ACCENT,
      '\r\n',
      '\x1b'
    )
  )
  .map(parts => parts.join(''))

function widthOf(line: Line): number {
  return columnsOf(rendered(line, false))
}

describe('The room of a line', () => {
  for (const [text, columns] of [
    ['plain', 5],
    ['日本語', 6],
    ['ｱ', 1],
    ['Ｗ', 2],
    ['𠀀', 2],
    [ACCENT, 1],
    ['한글', 4],
    ['🫠', 2],
    [FAMILY, 2],
    ['🇨🇭', 2],
    ['1️⃣', 2],
    ['❤️', 2],
    ['–…é', 3]
  ] as const)
    it(`is counted in columns: ${text} takes ${columns}`, () => assert.equal(columnsOf(text), columns))

  it('is never overrun by what is cut, nor is a character divided', () => {
    assert.equal(textOf(cut('ab日本', 5)), 'ab日')
    assert.equal(textOf(cut(`${FAMILY}${ACCENT}x`, 3)), `${FAMILY}${ACCENT}`)
    assert.equal(textOf(cut(FAMILY, 1)), '')
    assert.equal(textOf(cut(['日本', bad('x')], 3)), '日', 'nothing follows what was cut')
    fc.assert(
      fc.property(texts, texts, fc.integer({ min: 0, max: 20 }), (first, second, width) => {
        assert.ok(widthOf(cut([first, bad(second)], width)) <= width)
      })
    )
  })

  it('is never overrun by lines that are wrapped, and nothing but spaces at their ends is lost', () => {
    assert.deepEqual(wrapped('日本語日本語', 5).map(textOf), ['日本', '語日', '本語'])
    assert.deepEqual(wrapped('in /tmp/日本語/x, ok', 12).map(textOf), ['in /tmp/', '日本語/x, ok'])
    fc.assert(
      fc.property(texts, texts, fc.integer({ min: 2, max: 20 }), (first, second, width) => {
        const lines = wrapped([first, bad(second)], width)
        for (const line of lines) assert.ok(widthOf(line) <= width, rendered(line, false))
        const without = (line: Line): string => rendered(line, false).replaceAll(' ', '')
        assert.equal(lines.map(without).join(''), without([first, bad(second)]))
      })
    )
  })

  it('has as much of the beginning as fits', () => assert.equal(startOf('日本語', 4), '日本'))
})
