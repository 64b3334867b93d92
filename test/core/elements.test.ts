import assert from 'node:assert/strict'
import { concat } from '#src/core/bytes.js'
import { DecodeError, decodeCanonical } from '#src/core/codec.js'
import { ELEMENTS } from '#src/core/elements.js'
import type { MessageName } from '#src/core/wire/shapes.js'
import * as wire from '#src/core/wire/tallystick.js'
import { type Field, isScalar, SCHEMA, varint } from './protobuf.js'

/** What bounds the decoding of every message of the .proto file, whoever sends it. */

const MANY = 1_000_000

function fieldsOf(message: string): readonly Field[] {
  const fields = SCHEMA.get(message)
  assert.ok(fields, `no message ${message}`)
  return fields
}

const FIELDS = [...SCHEMA].flatMap(([message, fields]) => fields.map(field => ({ message, field })))
const REPEATED = FIELDS.filter(({ field }) => field.presence === 'repeated')
const limits = new Map<string, number>(Object.entries(ELEMENTS))

function limitOf(message: string, { name }: Field): number {
  const limit = limits.get(`${message}.${name}`)
  assert.ok(limit !== undefined, `${message}.${name} has no limit in core/elements.ts`)
  return limit
}

const lengthDelimited = (number: number, content: Uint8Array): Uint8Array =>
  concat(varint(BigInt(number) * 8n + 2n), varint(BigInt(content.length)), content)

/** So many of a field, each as short as it can be. */
function times(count: number, { number, type }: Field): Uint8Array {
  const one =
    type === 'fixed32'
      ? concat(varint(BigInt(number) * 8n + 5n), new Uint8Array(4))
      : type === 'uint64' || type === 'bool'
        ? concat(varint(BigInt(number) * 8n), Uint8Array.of(1))
        : lengthDelimited(number, new Uint8Array(0))
  const bytes = new Uint8Array(count * one.length)
  for (let index = 0; index < count; index += 1) bytes.set(one, index * one.length)
  return bytes
}

/** The bytes in every message that may hold this one, to any depth, by the way there. */
function inside(
  message: string,
  bytes: Uint8Array
): { readonly way: string; readonly top: string; readonly bytes: Uint8Array }[] {
  const parents = FIELDS.filter(({ field }) => field.type === message)
  return [
    { way: message, top: message, bytes },
    ...parents.flatMap(({ message: parent, field }) =>
      inside(parent, lengthDelimited(field.number, bytes)).map(({ way, ...rest }) => ({
        way: `${way} > ${message}`,
        ...rest
      }))
    )
  ]
}

/** Shown what passes the scan alone. */
function decoded(top: string, bytes: Uint8Array): boolean {
  let isReached = false
  const shape: MessageName | undefined = Object.values(wire).find(codec => codec.shape === top)?.shape
  assert.ok(shape, `the generated code has no ${top}`)
  const codec = {
    shape,
    encode: () => bytes,
    decode: () => {
      isReached = true
      return undefined
    }
  }
  try {
    decodeCanonical('message', codec, bytes)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
  }
  return isReached
}

function expectUndecoded(message: string, bytes: Uint8Array, why: string): void {
  for (const { way, top, bytes: whole } of inside(message, bytes))
    assert.ok(!decoded(top, whole), `${way}: ${why} was decoded`)
}

describe('What is decoded', () => {
  it('has a limit of elements for every repeated field of the .proto file, and for nothing else', () => {
    assert.ok(REPEATED.length > 20)
    assert.deepEqual(
      REPEATED.map(({ message, field }) => `${message}.${field.name}`).toSorted(),
      Object.keys(ELEMENTS).toSorted()
    )
  })

  for (const { message, field } of REPEATED)
    it(`has no more than the limit of ${message}.${field.name}, in whatever message it stands`, () => {
      const limit = limitOf(message, field)
      assert.ok(decoded(message, times(limit, field)), `${limit} are decoded`)
      for (const count of [limit + 1, MANY])
        expectUndecoded(message, times(count, field), `${count} of ${field.name}`)
    })

  it('has every other field once: a million of any are refused before one is decoded', () => {
    for (const { message, field } of FIELDS.filter(({ field }) => field.presence !== 'repeated'))
      for (const count of [2, MANY])
        expectUndecoded(message, times(count, field), `${count} of ${message}.${field.name}`)
  })

  it('has one choice of a oneof, however many are sent in turn', () => {
    for (const [message, fields] of SCHEMA) {
      const choices = fields.filter(({ presence }) => presence === 'oneof')
      for (const [first, second] of choices.flatMap(a => choices.map(b => [a, b] as const)))
        expectUndecoded(message, concat(times(1, first), times(1, second)), 'a second choice')
    }
  })

  it('is no deeper than the .proto file: no message holds itself', () => {
    const expectFlat = (message: string, above: readonly string[]): void => {
      assert.ok(!above.includes(message), `${message} may hold itself`)
      for (const { type } of fieldsOf(message)) if (!isScalar(type)) expectFlat(type, [...above, message])
    }
    for (const message of SCHEMA.keys()) expectFlat(message, [])
  })

  it('holds no groups, nested however deep, and no fields that are not known', () => {
    for (const message of SCHEMA.keys())
      for (const number of [1, 9, 31, 1_000]) {
        const start = varint(BigInt(number) * 8n + 3n)
        const nested = concat(...Array.from({ length: 100_000 }, () => start))
        expectUndecoded(message, nested, 'a nested group')
        expectUndecoded(message, concat(start, varint(BigInt(number) * 8n + 4n)), 'an empty group')
        const known = fieldsOf(message).some(field => field.number === number)
        if (!known) expectUndecoded(message, lengthDelimited(number, new Uint8Array(9)), 'an unknown field')
      }
  })
})
