/**
 * What programs of ours say to one another on this machine, as JSON: a table of what each kind of object holds
 * gives both the types and the check of what really came.
 */

export type Guard<T> = (value: unknown) => value is T
type Guarded<G> = G extends Guard<infer T> ? T : never

export const isText: Guard<string> = value => typeof value === 'string'
export const isNumber: Guard<number> = value => typeof value === 'number'
/** 0, 1, 2, … */
export const isCount: Guard<number> = (value): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0
export const isTexts: Guard<readonly string[]> = listOf(isText)

export function listOf<T>(guard: Guard<T>): Guard<readonly T[]> {
  return (value): value is T[] => Array.isArray(value) && value.every(guard)
}

export function orNull<T>(guard: Guard<T>): Guard<T | null> {
  return (value): value is T | null => value === null || guard(value)
}

/** What a program of before does not say. */
export function orMissing<T>(guard: Guard<T>): Guard<T | undefined> {
  return (value): value is T | undefined => value === undefined || guard(value)
}

export function objectOf<S extends Shape>(shape: S): Guard<Fields<S>> {
  return (value): value is Fields<S> =>
    isRecord(value) && Object.entries(shape).every(([field, guard]) => guard(value[field]))
}

export type Shape = Readonly<Record<string, Guard<unknown>>>
export type Fields<S> = { readonly [Field in keyof S]: Guarded<S[Field]> }

/** The objects of a table: the field `Tag` holds the name of their kind. */
export type Tagged<Tag extends string, Table> = {
  readonly [Name in keyof Table]: { readonly [T in Tag]: Name } & Fields<Table[Name]>
}[keyof Table]

/** Reads the objects of a table; undefined for what is none of them, or lacks a part. More than is asked for does no harm. */
export function readerOf<Tag extends string, Table extends Readonly<Record<string, Shape>>>(
  tag: Tag,
  table: Table
): (value: unknown) => Tagged<Tag, Table> | undefined {
  return value => {
    if (!isRecord(value)) return undefined
    const name = value[tag]
    const shape = isText(name) && Object.hasOwn(table, name) ? table[name] : undefined
    if (shape === undefined || !objectOf(shape)(value)) return undefined
    return value as Tagged<Tag, Table>
  }
}

/** Undefined where it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
