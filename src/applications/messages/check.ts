import { canonicalText, type Json } from '../../core/json.js'
import { lengthOf } from '../../core/text.js'
import { type Factors, factorsOf } from './decimal.js'

/** What does not fit, and where in the value. */
export interface Misfit {
  readonly what: string
  readonly path?: Path
}

/** Keys and indexes, the outermost first. They become text once, at the end: a schema may have thousands of misfits made. */
interface Path {
  readonly step: string | number
  readonly rest: Path | undefined
}

/** Whether a value fits one schema, or one keyword of it. */
export type Check = (value: Json, run: Run) => Misfit | undefined

/** What is known of one value from one look at it to the next, so that a schema cannot have it looked at again and again. */
export class Run {
  readonly #unique = new Map<readonly Json[], boolean>()
  readonly #lengths = new Map<string, number>()
  readonly #factors = new Map<number, Factors>()

  /** Whether no two of them are the same. */
  isUnique(items: readonly Json[]): boolean {
    return once(this.#unique, items, () => new Set(items.map(canonicalText)).size === items.length)
  }

  /** In Unicode characters. */
  lengthOf(text: string): number {
    return once(this.#lengths, text, lengthOf)
  }

  factorsOf(number: number): Factors {
    return once(this.#factors, number, factorsOf)
  }
}

function once<Key, Value extends NonNullable<unknown>>(
  known: Map<Key, Value>,
  key: Key,
  find: (key: Key) => Value
): Value {
  const value = known.get(key)
  if (value !== undefined) return value
  const found = find(key)
  known.set(key, found)
  return found
}

export function misfit(what: string): Misfit {
  return { what }
}

/** The same misfit as seen from the array or object that has the value under this key. */
export function within(step: string | number, inner: Misfit | undefined): Misfit | undefined {
  return inner && { what: inner.what, path: { step, rest: inner.path } }
}

/** A JSON Pointer, or so many of its first characters. */
export function placeOf({ path }: Misfit, most: number): string {
  let place = ''
  for (let left = path; left !== undefined && place.length < most; left = left.rest)
    place += `/${pointerStep(String(left.step).slice(0, most))}`
  return place.slice(0, most)
}

/** A step of a JSON Pointer (RFC 6901). */
export function pointerStep(key: string | number): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Equality of JSON values: of numbers by value, of objects whatever the order of their members. */
export function same(one: Json, other: Json): boolean {
  if (one instanceof Map)
    return (
      other instanceof Map &&
      one.size === other.size &&
      [...one].every(([key, member]) => {
        const match: Json | undefined = other.get(key)
        return match !== undefined && same(member, match)
      })
    )
  if (Array.isArray(one))
    return (
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((item: Json, index) => same(item, other[index]))
    )
  return one === other
}
