import { DecodeError } from './codec.js'

/** JSON that would become another value by being read. */
export class InexactJson extends DecodeError {
  override name = 'InexactJson'

  constructor(message: string) {
    super(message, { code: 'ERR_JSON_INEXACT' })
  }
}

const NUMBER = /-?[0-9][0-9.eE+-]*/y
/** Characters of a number, at most: more than any double takes, whatever zeros stand around it. */
const LONGEST_NUMBER = 400

/**
 * What `JSON.parse` gives, where that is what the text says: a key that comes twice in one object, of which the last
 * one would win, and a number that no double holds, which would become another one, are refused. What is signed is so
 * what was given. Throws SyntaxError where it is no JSON, InexactJson with a sentence where it would be altered.
 */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  // From here on the text is known to be JSON, so that few characters tell where what begins.
  const open: (Set<string> | undefined)[] = []
  let string = ''
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '{':
        open.push(new Set())
        break
      case '[':
        open.push(undefined)
        break
      case '}':
      case ']':
        open.pop()
        break
      case ':':
        expectNew(open.at(-1), string)
        break
      case '"': {
        const end = endOfString(text, at)
        string = text.slice(at, end)
        at = end - 1
        break
      }
      default: {
        NUMBER.lastIndex = at
        if (!NUMBER.test(text)) break
        expectExact(text.slice(at, NUMBER.lastIndex))
        at = NUMBER.lastIndex - 1
      }
    }
  }
  return value
}

/** Behind its closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

/** `token`: a string, as it stands in the text. Two spellings of one key are one key. */
function expectNew(keys: Set<string> | undefined, token: string): void {
  const key: unknown = JSON.parse(token)
  if (keys === undefined || typeof key !== 'string') throw new Error('a key stands in an object, as a string')
  if (keys.has(key)) throw new InexactJson(`the key ${token} comes twice in one object`)
  keys.add(key)
}

function expectExact(token: string): void {
  if (token.length > LONGEST_NUMBER)
    throw new InexactJson(
      `a number has ${token.length} characters; no number that is kept as it is has so many`
    )
  const kept = Number(token)
  if (Number.isFinite(kept) && sameNumber(String(kept), token)) return
  const become = Number.isFinite(kept) ? `it would become ${kept}` : 'it is too large'
  throw new InexactJson(
    `the number ${token} cannot be kept as it is (${become}); write it as a string, or as a number that a double holds`
  )
}

/** Whether two decimals say the same: 1e2 and 100, 1.50 and 1.5. */
function sameNumber(one: string, other: string): boolean {
  const [a, b] = [decimalOf(one), decimalOf(other)]
  return a.digits === b.digits && (a.digits === '' || (a.exponent === b.exponent && a.sign === b.sign))
}

/** ± digits × 10^exponent, without zeros at either end of the digits; zero has none. */
function decimalOf(token: string): { sign: string; digits: string; exponent: bigint } {
  const [, sign = '', whole = '', part = '', power = '0'] =
    /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]\+?(-?[0-9]+))?$/.exec(token) ?? []
  const all = whole + part
  const kept = all.replace(/0+$/, '')
  const exponent = BigInt(power) - BigInt(part.length) + BigInt(all.length - kept.length)
  return { sign, digits: kept.replace(/^0+/, ''), exponent }
}
