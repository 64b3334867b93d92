import assert from 'node:assert/strict'
import fc from 'fast-check'
import { concat, equal } from '#src/core/bytes.js'
import { repositoryFile } from '../helpers/core.js'

/**
 * A second, tiny reading of protobuf, driven by the .proto file. From one canonical encoding it makes all
 * the others that a lenient decoder would take for the same message, so that ours can be shown them.
 */

export interface Field {
  readonly name: string
  readonly number: number
  readonly type: string
  readonly presence: 'implicit' | 'explicit' | 'repeated' | 'oneof'
  /** Carried as a JavaScript number: past 2^53 - 1 there is none. */
  readonly safe: boolean
}

export const SCHEMA = readSchema(repositoryFile('src/core/wire/tallystick.proto'))

function readSchema(proto: string): ReadonlyMap<string, readonly Field[]> {
  const messages = new Map<string, Field[]>()
  let fields: Field[] = []
  let inOneof = false
  for (const line of proto.split('\n')) {
    const name = /^message (\w+)/.exec(line)?.[1]
    if (name !== undefined) {
      fields = []
      messages.set(name, fields)
    }
    if (/^\s+oneof /.test(line)) inOneof = true
    else if (/^\s+\}/.test(line)) inOneof = false
    const [, label, type, field, number, options = ''] =
      /^\s+(repeated |optional )?(\w+) (\w+) = (\d+)(.*);/.exec(line) ?? []
    if (type === undefined || field === undefined) continue
    const presence = inOneof
      ? 'oneof'
      : label === 'repeated '
        ? 'repeated'
        : label === 'optional ' || !isScalar(type)
          ? 'explicit'
          : 'implicit'
    fields.push({ name: field, number: Number(number), type, presence, safe: options.includes('JS_NUMBER') })
  }
  return messages
}

export function isScalar(type: string): boolean {
  return ['bytes', 'string', 'uint64', 'bool', 'fixed32'].includes(type)
}

/** A field as it stands on the wire: a varint, bytes behind their length, or the four bytes of a fixed32. */
interface Item {
  readonly number: number
  readonly value: bigint | Uint8Array
  readonly fixed?: true
}

export interface Alteration {
  readonly what: string
  readonly bytes: Uint8Array
}

/** Encodings that differ from the canonical one and say the same, or say it against the rules. */
export function alterationsOf(message: string, bytes: Uint8Array): Alteration[] {
  const fields = SCHEMA.get(message)
  assert.ok(fields, `no message ${message} in the .proto file`)
  const items = readItems(bytes)
  assert.ok(equal(write(items), bytes), 'the encoding to start from is canonical')
  const found: Alteration[] = [
    { what: 'a zero byte behind', bytes: concat(bytes, Uint8Array.of(0)) },
    { what: 'an unfinished varint behind', bytes: concat(bytes, Uint8Array.of(0x80)) }
  ]

  items.forEach((item, index) => {
    const field = fields.find(({ number }) => number === item.number)
    assert.ok(field, `${message} has a field ${item.number}`)
    const before = write(items.slice(0, index))
    const after = write(items.slice(index + 1))
    const inPlace = (what: string, ...parts: Uint8Array[]) =>
      found.push({ what: `field ${item.number}: ${what}`, bytes: concat(before, ...parts, after) })

    const { value } = item
    inPlace('over-long tag', overlong(tagOf(item)), contentOf(item))
    if (typeof value === 'bigint') {
      inPlace('over-long value', varint(tagOf(item)), overlong(value))
      inPlace('value past 64 bits', varint(tagOf(item)), varint(value + 2n ** 64n))
      if (field.safe)
        for (const large of [2n ** 53n, 2n ** 64n - 1n])
          inPlace(`the value ${large}`, varint(tagOf(item)), varint(large))
      inPlace('as bytes', write([{ number: item.number, value: varint(value) }]))
    } else if (item.fixed) {
      inPlace('as a varint', write([{ number: item.number, value: 1n }]))
      inPlace('as bytes', write([{ number: item.number, value }]))
      inPlace('as fixed 64', varint(BigInt(item.number) * 8n + 1n), new Uint8Array(8))
    } else {
      inPlace('over-long length', varint(tagOf(item)), overlong(BigInt(value.length)), value)
      inPlace('a length beyond the end', varint(tagOf(item)), varint(2n ** 31n), value)
      inPlace('as a varint', write([{ number: item.number, value: 1n }]))
      inPlace('as fixed 64', varint(BigInt(item.number) * 8n + 1n), new Uint8Array(8))
      inPlace('as fixed 32', varint(BigInt(item.number) * 8n + 5n), new Uint8Array(4))
      if (!isScalar(field.type))
        for (const inner of alterationsOf(field.type, value))
          inPlace(inner.what, write([{ number: item.number, value: inner.bytes }]))
    }
    if (field.presence !== 'repeated') inPlace('twice', write([item, item]))
    const next = items[index + 1]
    if (next !== undefined && next.number !== item.number)
      found.push({
        what: `fields ${item.number} and ${next.number} out of order`,
        bytes: write([...items.slice(0, index), next, item, ...items.slice(index + 2)])
      })
  })

  const present = new Set(items.map(({ number }) => number))
  for (const field of fields.filter(({ number }) => !present.has(number))) {
    const spelled = spelledDefault(field)
    if (field.presence === 'implicit')
      found.push({ what: `field ${field.number}: default spelled out`, bytes: write(placed(items, spelled)) })
    if (field.presence === 'oneof' && items.some(item => isOneof(fields, item)))
      found.push({ what: `field ${field.number}: a second choice`, bytes: write(placed(items, spelled)) })
  }

  const known = new Set(fields.map(({ number }) => number))
  const unknownOnes = Array.from({ length: 40 }, (_, index) => index + 1).filter(number => !known.has(number))
  for (const number of [...unknownOnes.slice(0, 2), 1000, 2 ** 29 - 1])
    for (const [wire, content] of Object.entries(UNKNOWN_CONTENT)) {
      const unknown = concat(varint(BigInt(number) * 8n + BigInt(wire)), content(number))
      const smaller = items.filter(item => item.number < number)
      const larger = items.filter(item => item.number > number)
      const what = `unknown field ${number} of wire type ${wire}`
      found.push({ what: `${what}, last`, bytes: concat(bytes, unknown) })
      found.push({ what: `${what}, first`, bytes: concat(unknown, bytes) })
      found.push({ what: `${what}, in its place`, bytes: concat(write(smaller), unknown, write(larger)) })
    }
  return found
}

function spelledDefault({ number, type }: Field): Item {
  if (type === 'fixed32') return { number, value: new Uint8Array(4), fixed: true }
  return { number, value: type === 'uint64' || type === 'bool' ? 0n : new Uint8Array(0) }
}

/** By wire type: varint, 64 bits, bytes, group, 32 bits. */
const UNKNOWN_CONTENT: Readonly<Record<string, (number: number) => Uint8Array>> = {
  0: () => Uint8Array.of(0),
  1: () => new Uint8Array(8),
  2: () => Uint8Array.of(0),
  3: number => varint(BigInt(number) * 8n + 4n),
  5: () => new Uint8Array(4)
}

function isOneof(fields: readonly Field[], item: Item): boolean {
  return fields.some(({ number, presence }) => number === item.number && presence === 'oneof')
}

function placed(items: readonly Item[], item: Item): Item[] {
  return [
    ...items.filter(({ number }) => number < item.number),
    item,
    ...items.filter(({ number }) => number > item.number)
  ]
}

function readItems(bytes: Uint8Array): Item[] {
  const items: Item[] = []
  let offset = 0
  const readVarint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[offset++]
      assert.ok(byte !== undefined)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (offset < bytes.length) {
    const tag = readVarint()
    const number = Number(tag >> 3n)
    if (tag % 8n === 0n) {
      items.push({ number, value: readVarint() })
    } else if (tag % 8n === 5n) {
      items.push({ number, value: bytes.slice(offset, offset + 4), fixed: true })
      offset += 4
    } else {
      assert.equal(tag % 8n, 2n)
      const length = Number(readVarint())
      items.push({ number, value: bytes.slice(offset, offset + length) })
      offset += length
    }
  }
  return items
}

function write(items: readonly Item[]): Uint8Array {
  return concat(...items.flatMap(item => [varint(tagOf(item)), contentOf(item)]))
}

function tagOf({ number, value, fixed }: Item): bigint {
  return BigInt(number) * 8n + (fixed ? 5n : typeof value === 'bigint' ? 0n : 2n)
}

function contentOf({ value, fixed }: Item): Uint8Array {
  if (fixed && typeof value !== 'bigint') return value
  return typeof value === 'bigint' ? varint(value) : concat(varint(BigInt(value.length)), value)
}

export function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Uint8Array.of(...bytes, Number(rest))
    bytes.push(Number(rest & 0x7fn) | 0x80)
  }
}

/** One byte longer than need be. */
function overlong(value: bigint): Uint8Array {
  const bytes = varint(value)
  return Uint8Array.of(...bytes.slice(0, -1), (bytes.at(-1) ?? 0) | 0x80, 0)
}

/** Bytes in which a decoder finds fields to read: any number, any wire type, any content. */
export function fieldsOfAnyKind(): fc.Arbitrary<Uint8Array> {
  const field = fc.record({
    number: fc.oneof(fc.integer({ min: 1, max: 23 }), fc.integer({ min: 0, max: 2 ** 29 - 1 })),
    wire: fc.integer({ min: 0, max: 7 }),
    value: fc.oneof(fc.bigInt({ min: 0n, max: 200n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    content: fc.uint8Array({ maxLength: 40 })
  })
  return fc
    .array(field, { maxLength: 8 })
    .map(fields =>
      concat(
        ...fields.flatMap(({ number, wire, value, content }) => [
          varint(BigInt(number) * 8n + BigInt(wire)),
          wire === 0 ? varint(value) : wire === 2 ? varint(BigInt(content.length)) : new Uint8Array(0),
          wire === 0 ? new Uint8Array(0) : wire === 1 ? new Uint8Array(8) : content
        ])
      )
    )
}
