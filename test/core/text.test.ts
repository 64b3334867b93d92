import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LIMITS } from '#src/core/limits.js'
import { exactJson, harmless, lengthOf, shortened } from '#src/core/text.js'
import { runs } from '../helpers/core.js'

/** What strangers may write: anything, and rather often what does something. */
const characters = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.constantFrom(
    '\u001b[2J',
    '\u009b31m',
    '\u202e',
    '\u2066',
    '\u200b',
    '\u200d',
    '\u200c',
    '\ufe0f',
    '\ufeff',
    '\u{e0041}',
    '\u0301',
    '\u0301'.repeat(20),
    '\ud83d',
    '\r\n',
    '\u2028',
    '👩',
    '❤',
    'ا',
    'a',
    '1'
  )
)
const strange = fc.array(characters, { maxLength: 20 }).map(parts => parts.join(''))

describe('A text made harmless', () => {
  it('has nothing left that controls a terminal, breaks the line, turns writing round or is not there to see', () => {
    fc.assert(
      fc.property(strange, text => {
        const shown = harmless(text)
        assert.doesNotMatch(shown, /[\p{Control}\p{Surrogate}\p{Bidi_Control}\u2028\u2029]/u)
        assert.doesNotMatch(
          shown.replace(/\u200c|\u200d|\ufe0e|\ufe0f/g, ''),
          /\p{Default_Ignorable_Code_Point}/u
        )
      }),
      runs(2000)
    )
  })

  it('stays as it is when it is made harmless once more, and gets no longer', () => {
    fc.assert(
      fc.property(strange, text => {
        const shown = harmless(text)
        assert.equal(harmless(shown), shown)
        assert.ok(lengthOf(shown) <= lengthOf(text))
      }),
      runs(2000)
    )
  })

  for (const text of [
    'plain ASCII, with "quotes" and \\backslashes\\ and <tags> & $(commands)',
    'Größe, naïve, Ångström, Tiếng Việt, ﬁ',
    'Ελληνικά, русский, עברית עִם נִקּוּד, العربية',
    'می‌خواهم',
    'हिन्दी क्‍ष',
    '日本語　テキスト, 한국어, ไทยที่',
    '👩‍❤️‍👨 👨🏽‍💻 🏳️‍🌈 🇩🇪 #️⃣ ❤︎',
    'e\u0301\u0323'
  ])
    it(`is "${text}" as it was`, () => {
      assert.equal(harmless(text), text)
    })

  for (const [what, text, shown] of [
    ['an escape sequence loses its ESC', 'a\u001b[31mb', 'a\ufffd[31mb'],
    ['so does one that begins with a C1 character', 'a\u009b31mb', 'a\ufffd31mb'],
    ['a bell, a backspace and a DEL are shown as such', 'a\u0007\b\u007fb', 'a\ufffd\ufffd\ufffdb'],
    ['lines become one', 'a\nb\r\nc\u2028d\u0085e\tf', 'a b  c d e f'],
    ['what overrides the direction goes', 'a\u202eb\u2066c\u200fd', 'abcd'],
    ['what has no width goes', 'a\u200bb\u2060c\ufeffd\u00ade\u180ef', 'abcdef'],
    ['joiners between Latin letters go, in which texts could be hidden', 'a\u200db\u200c\u200dc', 'abc'],
    ['selectors without an emoji go', 'a\ufe0fb\ufe0ec', 'abc'],
    ['tags, invisible letters, go', 'a\u{e0068}\u{e0069}b', 'ab'],
    ['fillers that look like nothing go', 'a\u3164b\u115fc', 'abc'],
    ['half a surrogate is shown as such', 'a\ud83db', 'a\ufffdb']
  ] as const)
    it(`${what}`, () => {
      assert.equal(harmless(text), shown)
    })

  it('has no more marks on a character than languages set', () => {
    assert.equal(harmless(`a${'\u0301'.repeat(1000)}b`), `a${'\u0301'.repeat(LIMITS.lineMarks)}b`)
    assert.equal(
      harmless(`a${'\u0301\u200d'.repeat(1000)}b`),
      `a${'\u0301'.repeat(LIMITS.lineMarks)}b`,
      'and nothing between them helps'
    )
  })
})

describe('A text made shorter', () => {
  it('is its beginning, as long as it may be, and divides nothing that is shown as one', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.integer({ min: 1, max: 60 }),
        (text, most) => {
          const kept = shortened(text, most)
          assert.ok(text.startsWith(kept))
          assert.ok(lengthOf(kept) <= most)
          if (lengthOf(text) <= most) assert.equal(kept, text)
        }
      ),
      runs(500)
    )
    assert.equal(shortened('ab👩‍❤️‍👨c', 4), 'ab')
    assert.equal(shortened('ae\u0301', 2), 'a')
  })

  it('divides what is longer than all that is allowed', () => {
    assert.equal(shortened(`a${'\u0301'.repeat(50)}`, 10), `a${'\u0301'.repeat(9)}`)
    assert.equal(shortened('👩‍❤️‍👨', 1), '👩')
  })
})

describe('JSON that a terminal may be shown', () => {
  it('holds no character that does something or is not seen, and each of them is there for whoever parses it', () => {
    fc.assert(
      fc.property(
        fc.array(characters).map(parts => parts.join('')),
        text => {
          const json = exactJson({ [text]: [text] })
          assert.doesNotMatch(
            json,
            /[\p{Control}\p{Format}\p{Surrogate}\p{Line_Separator}\p{Paragraph_Separator}\p{Default_Ignorable_Code_Point}]/u
          )
          assert.deepEqual(JSON.parse(json), { [text]: [text] })
        }
      ),
      runs(1000)
    )
  })

  it('is shown as it is: nothing that is done to lines for people changes it', () => {
    fc.assert(
      fc.property(strange, text => {
        const json = exactJson({ text })
        assert.equal(harmless(json), json)
        assert.deepEqual(JSON.parse(json), { text })
      }),
      runs(1000)
    )
  })
})
