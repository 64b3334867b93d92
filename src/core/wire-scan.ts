import { ELEMENTS } from './elements.js'
import { type FieldShape, type MessageName, SHAPES } from './wire/shapes.js'

interface PlannedField extends FieldShape {
  /** How often the field may stand in one message. */
  readonly most: number
  /** Of the message that it is. */
  readonly plan: Plan | undefined
}

/** The fields of a message, by their numbers. */
type Plan = readonly (PlannedField | undefined)[]

/**
 * Says why bytes are no canonical encoding of this message, as far as that shows without decoding them. Makes no
 * object: what passes has only known fields of their own types, in order, each singular one once, of a oneof one, and
 * no more elements than a repeated field may have. So what the decoder makes of it is bounded. Time is linear in the
 * fields that are read, and at most one field too many of each message is; depth is that of the .proto file.
 */
export function scanFault(message: MessageName, bytes: Uint8Array): string | undefined {
  return new Scan(bytes).faultOf(planOf(message), bytes.length)
}

/** The name of the field that a message begins with; undefined where it begins with none that is known. */
export function firstField(message: MessageName, bytes: Uint8Array): string | undefined {
  const tag = new Scan(bytes).short(bytes.length)
  return tag === undefined ? undefined : planOf(message)[tag >>> 3]?.name
}

class Scan {
  #at = 0

  constructor(private readonly bytes: Uint8Array) {}

  faultOf(plan: Plan, end: number): string | undefined {
    let last = 0
    let count = 0
    let isChosen = false
    while (this.#at < end) {
      const tag = this.short(end)
      if (tag === undefined) return 'a tag that is cut off or too long'
      const number = tag >>> 3
      const field = plan[number]
      if (field === undefined) return `a field ${number}, which is not known`
      const { name, wire, most } = field
      if ((tag & 7) !== wire) return `${name}: a field of another type`
      if (number < last) return `${name}: out of order`
      count = number === last ? count + 1 : 1
      last = number
      if (count > most) return most === 1 ? `${name}: more than once` : `${name}: more than ${most} elements`
      if (field.isChoice === true) {
        if (isChosen) return `${name}: a second choice where there is one`
        isChosen = true
      }
      const fault = this.#skip(field, end)
      if (fault !== undefined) return fault
    }
    return undefined
  }

  /** A varint of up to four bytes in its shortest form: a tag, or a length. */
  short(end: number): number | undefined {
    let value = 0
    for (let shift = 0; shift < 28 && this.#at < end; shift += 7) {
      const byte = this.bytes[this.#at++] ?? 0
      if (byte === 0 && shift > 0) return undefined
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return undefined
  }

  #skip({ name, wire, plan, isText }: PlannedField, end: number): string | undefined {
    if (wire === 0) return this.#skipVarint(end) ? undefined : `${name}: a number that is cut off or too long`
    const length = wire === 5 ? 4 : this.short(end)
    if (length === undefined || this.#at + length > end) return `${name}: a length beyond the end`
    if (plan !== undefined) return this.faultOf(plan, this.#at + length)
    const start = this.#at
    this.#at += length
    if (isText === true && hasSurrogate(this.bytes, start, this.#at)) return `${name}: half a surrogate pair`
    return undefined
  }

  /** Up to 64 bits, in the shortest form. */
  #skipVarint(end: number): boolean {
    for (let count = 1; count <= 10 && this.#at < end; count += 1) {
      const byte = this.bytes[this.#at++] ?? 0
      if (byte < 0x80) return count === 1 || (byte > 0 && (count < 10 || byte === 1))
    }
    return false
  }
}

/** The one thing that is not UTF-8 and that the decoder makes the same bytes of again. */
function hasSurrogate(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start + 1; at < end; at += 1)
    if (bytes[at - 1] === 0xed && (bytes[at] ?? 0) >= 0xa0) return true
  return false
}

const PLANS = new Map<MessageName, Plan>()

function planOf(message: MessageName): Plan {
  const known = PLANS.get(message)
  if (known !== undefined) return known
  const plan: (PlannedField | undefined)[] = []
  for (const [number, field] of Object.entries(SHAPES[message]))
    plan[Number(number)] = {
      ...field,
      most: field.repeated === undefined ? 1 : ELEMENTS[field.repeated],
      plan: field.message && planOf(field.message)
    }
  PLANS.set(message, plan)
  return plan
}
