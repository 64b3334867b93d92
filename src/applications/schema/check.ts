import { canonicalText, type Json } from '../../core/json.js'

/** What does not fit, and where: a JSON Pointer into the value. */
export interface Misfit {
  readonly at: string
  readonly what: string
}

/** Whether a value fits one schema, or one keyword of it. */
export type Check = (value: Json, run: Run) => Misfit | undefined

/** What is known of one value from one look at it to the next, so that a schema cannot have it looked at again and again. */
export class Run {
  readonly #unique = new Map<readonly Json[], boolean>()

  /** Whether no two of them are the same. */
  isUnique(items: readonly Json[]): boolean {
    let unique = this.#unique.get(items)
    if (unique === undefined) {
      unique = new Set(items.map(canonicalText)).size === items.length
      this.#unique.set(items, unique)
    }
    return unique
  }
}

export function misfit(what: string): Misfit {
  return { at: '', what }
}

/** The same misfit as seen from the array or object that has the value under this key. */
export function within(key: string | number, inner: Misfit | undefined): Misfit | undefined {
  return inner && { at: `/${pointerStep(key)}${inner.at}`, what: inner.what }
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
