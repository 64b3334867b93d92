import { DecodeError } from './codec.js'

/**
 * JSON in canonical form (RFC 8785), read without recursion: what a body means must not depend on how deep a stack is.
 * Objects are maps, so that no key is a property of anything.
 */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = ReadonlyMap<string, Json>

export interface JsonLimits {
  /** Arrays and objects inside one another. */
  readonly depth: number
  /** Values in all: each object, array, string, number, true, false and null. */
  readonly values: number
}

/** Thrown where JSON is nested deeper, or has more values, than its reader takes. */
export class JsonTooLarge extends DecodeError {
  override name = 'JsonTooLarge'

  constructor(message: string) {
    super(message, { code: 'ERR_JSON_TOO_LARGE' })
  }
}

/**
 * Reads text that is exactly the canonical form of some JSON. Takes time in proportion to the text, and stops where
 * a limit is passed. Throws JsonTooLarge there, and DecodeError for any other text.
 */
export function readCanonicalJson(text: string, limits: JsonLimits): Json {
  return new CanonicalReader(text, limits).read()
}

type Holder =
  | { readonly kind: 'array'; readonly items: Json[] }
  | { readonly kind: 'object'; readonly members: Map<string, Json>; key: string }

const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE = 0x20

/** What stands behind a backslash in canonical form, apart from `u`. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t']
])

/** The control characters that have no short escape. */
const UNICODE_ESCAPE = /u00(0[0-7bef]|1[0-9a-f])/y
const NUMBER = /-?[0-9][0-9.e+-]*/y
/** No double takes more. */
const LONGEST_NUMBER = 25

class CanonicalReader {
  #at = 0
  #values = 0
  readonly #open: Holder[] = []

  constructor(
    private readonly text: string,
    private readonly limits: JsonLimits
  ) {}

  read(): Json {
    for (;;) {
      let value = this.#begin()
      // An array or object was opened, and its first value comes next.
      if (value === undefined) continue
      for (;;) {
        const holder = this.#open.at(-1)
        if (holder === undefined) {
          if (this.#at !== this.text.length) throw this.#unexpected()
          return value
        }
        if (holder.kind === 'array') holder.items.push(value)
        else holder.members.set(holder.key, value)
        if (this.#take(',')) {
          if (holder.kind === 'object') this.#readKey(holder)
          break
        }
        if (!this.#take(holder.kind === 'array' ? ']' : '}')) throw this.#unexpected()
        value = this.#close(holder)
      }
    }
  }

  /** A value that is complete, or undefined where one was opened that has something in it. */
  #begin(): Json | undefined {
    this.#values += 1
    if (this.#values > this.limits.values)
      throw new JsonTooLarge(`it has more than ${this.limits.values} values`)
    switch (this.text[this.#at]) {
      case '{': {
        const holder = this.#enter({ kind: 'object', members: new Map(), key: '' })
        if (this.#take('}')) return this.#close(holder)
        this.#readKey(holder)
        return undefined
      }
      case '[': {
        const holder = this.#enter({ kind: 'array', items: [] })
        return this.#take(']') ? this.#close(holder) : undefined
      }
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #enter<T extends Holder>(holder: T): T {
    this.#at += 1
    this.#open.push(holder)
    if (this.#open.length > this.limits.depth)
      throw new JsonTooLarge(`it is nested more than ${this.limits.depth} deep`)
    return holder
  }

  #close(holder: Holder): Json {
    this.#open.pop()
    return holder.kind === 'array' ? holder.items : holder.members
  }

  #readKey(holder: Extract<Holder, { kind: 'object' }>): void {
    const key = this.#string()
    // Strings compare by their UTF-16 units, which is the order of RFC 8785.
    if (holder.members.size > 0 && key <= holder.key)
      throw new DecodeError(`character ${this.#at}: its keys do not ascend`)
    holder.key = key
    if (!this.#take(':')) throw this.#unexpected()
  }

  #string(): string {
    if (!this.#take('"')) throw this.#unexpected()
    const { text } = this
    let read = ''
    let start = this.#at
    for (;;) {
      const code = text.charCodeAt(this.#at)
      if (code === QUOTE) {
        const rest = text.slice(start, this.#at)
        this.#at += 1
        return read === '' ? rest : read + rest
      }
      if (code === BACKSLASH) {
        read += text.slice(start, this.#at) + this.#escape()
        start = this.#at
      } else if (code >= SPACE) this.#at += 1
      // A control character, or the end.
      else throw this.#unexpected()
    }
  }

  #escape(): string {
    const short = ESCAPES.get(this.text[this.#at + 1] ?? '')
    if (short !== undefined) {
      this.#at += 2
      return short
    }
    UNICODE_ESCAPE.lastIndex = this.#at + 1
    const digits = UNICODE_ESCAPE.exec(this.text)?.[1]
    if (digits === undefined) throw this.#unexpected()
    this.#at += 6
    return String.fromCharCode(Number.parseInt(digits, 16))
  }

  #word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.#at)) throw this.#unexpected()
    this.#at += word.length
    return value
  }

  #number(): number {
    NUMBER.lastIndex = this.#at
    const end = NUMBER.test(this.text) ? NUMBER.lastIndex : this.#at
    const token = this.text.slice(this.#at, end)
    const value = token.length > LONGEST_NUMBER ? Number.NaN : Number(token)
    if (token === '' || !Number.isFinite(value) || String(value) !== token) throw this.#unexpected()
    this.#at += token.length
    return value
  }

  #take(character: string): boolean {
    if (this.text[this.#at] !== character) return false
    this.#at += 1
    return true
  }

  #unexpected(): DecodeError {
    return new DecodeError(
      this.#at < this.text.length
        ? `character ${this.#at} is not that of JSON in canonical form (RFC 8785)`
        : 'it ends before its time'
    )
  }
}

/**
 * The canonical form of a value that `JSON.parse` may have given. Undefined for what has none: single surrogates,
 * numbers that are not finite, what is no JSON, and what is nested more than `depth` deep or contains itself.
 */
export function canonicalJson(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'string':
      return /\p{Surrogate}/u.test(value) ? undefined : JSON.stringify(value)
    case 'number':
      return Number.isFinite(value) ? String(value) : undefined
    case 'boolean':
      return String(value)
    case 'object':
      if (value === null) return 'null'
      if (depth === 0) return undefined
      return Array.isArray(value) ? canonicalArray(value, depth - 1) : canonicalObject(value, depth - 1)
    default:
      return undefined
  }
}

/** Whether arrays and objects lie inside one another more than `depth` deep, or without end. */
export function isTooDeep(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some(inner => isTooDeep(inner, depth - 1))
}

function canonicalArray(items: readonly unknown[], depth: number): string | undefined {
  const parts: string[] = []
  for (const item of items) {
    const part = canonicalJson(item, depth)
    if (part === undefined) return undefined
    parts.push(part)
  }
  return `[${parts.join(',')}]`
}

/** Members that are undefined are left out, as `JSON.stringify` does. */
function canonicalObject(object: object, depth: number): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) return undefined
  const members = new Map<string, unknown>(Object.entries(object))
  const parts: string[] = []
  for (const key of [...members.keys()].sort()) {
    const member = members.get(key)
    if (member === undefined) continue
    const [name, part] = [canonicalJson(key, 0), canonicalJson(member, depth)]
    if (name === undefined || part === undefined) return undefined
    parts.push(`${name}:${part}`)
  }
  return `{${parts.join(',')}}`
}

/** The canonical form of JSON that was read. */
export function canonicalText(value: Json): string {
  if (value instanceof Map) {
    const members: string[] = []
    for (const [key, member] of value) members.push(`${JSON.stringify(key)}:${canonicalText(member)}`)
    return `{${members.join(',')}}`
  }
  return Array.isArray(value) ? `[${value.map(canonicalText).join(',')}]` : JSON.stringify(value)
}

/** Undefined where the bytes are not UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch (error) {
    // What the decoder says of bytes that are none; all else is a defect.
    if (error instanceof TypeError) return undefined
    throw error
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
