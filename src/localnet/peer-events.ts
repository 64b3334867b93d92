/**
 * What a peer started with `--json` prints on its standard output. One table gives both the types and the
 * check of what really came. Bytes are lower-case hex, times ms.
 */

type Guard<T> = (value: unknown) => value is T
type Guarded<G> = G extends Guard<infer T> ? T : never

const isText: Guard<string> = value => typeof value === 'string'
const isNumber: Guard<number> = value => typeof value === 'number'
const isTexts: Guard<readonly string[]> = (value): value is string[] =>
  Array.isArray(value) && value.every(isText)
/** A u64: a string of digits where a number would not be exact. */
const isSequence: Guard<number | string> = (value): value is number | string =>
  isNumber(value) || isText(value)
const orNull =
  <T>(guard: Guard<T>): Guard<T | null> =>
  (value): value is T | null =>
    value === null || guard(value)

const SHAPES = {
  started: {
    role: isText,
    peerId: isText,
    network: isText,
    /** Ready to be dialled: with the PeerId at their end. */
    addresses: isTexts,
    http: orNull(isText)
  },
  block: {
    height: isNumber,
    id: isText,
    parent: isText,
    root: isText,
    log: isText,
    /** Messages in this block, and in the log up to and including it. */
    count: isNumber,
    size: isNumber
  },
  receipt: { sequence: isSequence, position: isNumber, leaf: isText, ms: isNumber },
  /** `sequence` is null where the message was refused before it got one. */
  refused: { sequence: orNull(isSequence), reason: isText, detail: isText },
  /** The sequencer has lied. */
  evidence: { id: isText, kind: isText, height: isNumber, detail: isText },
  summary: {
    sent: isNumber,
    accepted: isNumber,
    refused: isNumber,
    resent: isNumber,
    p50: orNull(isNumber),
    p99: orNull(isNumber)
  },
  stopped: {}
} as const

export type EventName = keyof typeof SHAPES
type Fields<Shape> = { readonly [Field in keyof Shape]: Guarded<Shape[Field]> }
type Events = {
  readonly [Name in EventName]: { readonly event: Name } & Fields<(typeof SHAPES)[Name]>
}
export type LocalEvent = Events[EventName]
export type EventOf<Name extends EventName> = Extract<LocalEvent, { readonly event: Name }>

/** The event that a line says; undefined where it says none that is known here, or lacks a part of it. */
export function parseEvent(line: string): LocalEvent | undefined {
  const value = parseRecord(line)
  if (value === undefined) return undefined
  const { event } = value
  if (!isEventName(event)) return undefined
  const fits = Object.entries(SHAPES[event]).every(([field, guard]) => guard(value[field]))
  return fits ? (value as LocalEvent) : undefined
}

function isEventName(name: unknown): name is EventName {
  return isText(name) && Object.hasOwn(SHAPES, name)
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
