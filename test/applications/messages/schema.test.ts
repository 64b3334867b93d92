import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { MessagesApplication } from '#src/applications/messages/messages.js'
import { Schema } from '#src/applications/messages/schema.js'
import { utf8 } from '#src/core/bytes.js'
import { readCanonicalJson } from '#src/core/json.js'
import { LIMITS } from '#src/core/limits.js'
import { InvalidNetworkDocument } from '#src/core/network.js'
import { present } from '../../helpers/changes.js'
import { fromHex, repositoryFile, runs } from '../../helpers/core.js'

type JsonSchema = Readonly<Record<string, unknown>>

const UNBOUNDED = { depth: 1_000, values: 1_000_000 }

function fits(schema: JsonSchema, value: unknown): boolean {
  const json = readCanonicalJson(present(canonicalize(value)), UNBOUNDED)
  return new Schema(schema).misfit(json) === undefined
}

function refused(schema: JsonSchema, message: RegExp): void {
  assert.throws(() => new Schema(schema), { name: 'InvalidNetworkDocument', message })
}

/** By integers of as many digits as it takes. */
function isMultiple(value: number, factor: number): boolean {
  const decimalOf = (number: number): Decimal => {
    const [mantissa = '', power = '0'] = String(number).split('e')
    const [whole = '', fraction = ''] = mantissa.split('.')
    return { digits: BigInt(whole + fraction), power: Number(power) - fraction.length }
  }
  const [one, other] = [decimalOf(value), decimalOf(factor)]
  const least = Math.min(one.power, other.power)
  const scaled = ({ digits, power }: Decimal): bigint => digits * 10n ** BigInt(power - least)
  return scaled(one) % scaled(other) === 0n
}

interface Decimal {
  readonly digits: bigint
  readonly power: number
}

/** Subschemas `depth` deep at most. */
function schemas(depth: number): fc.Arbitrary<JsonSchema | boolean> {
  const types = ['null', 'boolean', 'object', 'array', 'number', 'string', 'integer']
  const count = fc.nat(3)
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'isPrototypeOf', '__proto__x'), { maxLength: 3 })
  const bound = fc.constantFrom(-1, 0, 0.5, 1, 2, 1e21)
  const value = fc.jsonValue({ maxDepth: 1 })
  const flat = {
    type: fc.oneof(
      fc.constantFrom(...types),
      fc.uniqueArray(fc.constantFrom(...types), { minLength: 1, maxLength: 3 })
    ),
    enum: fc.array(value, { minLength: 1, maxLength: 4 }),
    const: value,
    maximum: bound,
    exclusiveMaximum: bound,
    minimum: bound,
    exclusiveMinimum: bound,
    maxLength: count,
    minLength: count,
    maxItems: count,
    minItems: count,
    uniqueItems: fc.boolean(),
    minContains: count,
    maxContains: count,
    required: names,
    dependentRequired: fc.dictionary(fc.constantFrom('a', 'b'), names, { maxKeys: 2 }),
    maxProperties: count,
    minProperties: count,
    title: fc.string(),
    format: fc.constantFrom('email', 'date-time', 'no such format')
  }
  if (depth === 0) return fc.oneof(fc.boolean(), fc.record(flat, { requiredKeys: [] }))
  const below = schemas(depth - 1)
  const list = fc.array(below, { minLength: 1, maxLength: 3 })
  const named = fc.dictionary(fc.constantFrom('a', 'b', 'isPrototypeOf'), below, { maxKeys: 3 })
  const nested = {
    properties: named,
    additionalProperties: below,
    propertyNames: below,
    dependentSchemas: named,
    prefixItems: list,
    items: below,
    contains: below,
    allOf: list,
    anyOf: list,
    oneOf: list,
    not: below,
    if: below,
    // biome-ignore lint/suspicious/noThenProperty: it is a keyword of JSON Schema.
    then: below,
    else: below
  }
  // Few at once, or next to nothing fits.
  return fc
    .tuple(
      fc.record(flat, { requiredKeys: [] }),
      fc.record(nested, { requiredKeys: [] }),
      fc.array(fc.constantFrom(...Object.keys(flat), ...Object.keys(nested)), { maxLength: 4 })
    )
    .map(([one, other, kept]) =>
      Object.fromEntries(Object.entries({ ...one, ...other }).filter(([keyword]) => kept.includes(keyword)))
    )
}

const values = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.dictionary(fc.constantFrom('a', 'b', 'isPrototypeOf', 'c'), fc.jsonValue({ maxDepth: 1 }), {
    maxKeys: 4
  }),
  fc.array(fc.constantFrom(0, 1, 2, 'a', '😀', null), { maxLength: 5 })
)

describe('the schema of a network document', () => {
  it('means what JSON Schema 2020-12 means: another implementation has the same verdicts', () => {
    // Left out is what it gets wrong: inexact multiples, empty names, a member toString. Without `ownProperties` what is inherited would be a member.
    const ajv = new Ajv2020({ strict: false, validateFormats: false, ownProperties: true, logger: false })
    let fitting = 0
    fc.assert(
      fc.property(schemas(2), fc.array(values, { minLength: 8, maxLength: 8 }), (schema, tested) => {
        if (typeof schema === 'boolean') return
        const validate = ajv.compile(JSON.parse(JSON.stringify(schema)))
        // Objects as JSON gives them, with a prototype.
        for (const value of JSON.parse(JSON.stringify(tested))) {
          const isFit = fits(schema, value)
          assert.equal(isFit, validate(value), JSON.stringify({ schema, value }))
          if (isFit) fitting += 1
        }
      }),
      runs(200)
    )
    assert.ok(fitting > 200, `${fitting} values fitted: too few to say anything`)
  })

  it('may require names that it does not describe, list types, and describe the first items alone', () => {
    for (const schema of [
      { type: 'object', required: ['a', 'b'], properties: { a: {} } },
      { type: ['object', 'null'] },
      { prefixItems: [{ type: 'string' }, { type: 'number' }] },
      { type: 'array', prefixItems: [{}], minItems: 1 },
      { properties: { a: { minimum: 1 } } },
      { if: { type: 'string' } },
      { enum: [] },
      {
        $comment: 'x',
        title: 'x',
        description: 'x',
        default: 1,
        examples: [1],
        readOnly: true,
        format: 'any'
      }
    ])
      assert.doesNotThrow(() => new Schema(schema), JSON.stringify(schema))
  })

  const outside: readonly (readonly [string, JsonSchema, string])[] = [
    ['$async', { $async: true }, '/$async'],
    ['pattern', { properties: { a: { pattern: '^(a+)+$' } } }, '/properties/a/pattern'],
    ['patternProperties', { patternProperties: { a: {} } }, '/patternProperties'],
    ['$dynamicRef', { items: { $dynamicRef: '#x' } }, '/items/$dynamicRef'],
    ['$anchor', { $defs: { a: { $anchor: 'x' } } }, '/$defs/a/$anchor'],
    ['$id', { $defs: { a: { $id: 'x' } } }, '/$defs/a/$id'],
    [
      'unevaluatedProperties',
      { allOf: [{}, { unevaluatedProperties: false }] },
      '/allOf/1/unevaluatedProperties'
    ],
    ['additionalItems', { additionalItems: false }, '/additionalItems'],
    ['nullable', { properties: { 'a/b~': { nullable: true } } }, '/properties/a~1b~0/nullable'],
    ['requierd', { requierd: [] }, '/requierd']
  ]
  for (const [keyword, schema, place] of outside)
    it(`with ${keyword} is refused, and the keyword and its place are named`, () => {
      assert.throws(
        () => new Schema(schema),
        (error: unknown) => {
          assert.ok(error instanceof InvalidNetworkDocument)
          assert.ok(error.message.startsWith(`/application/schema${place}: `), error.message)
          assert.ok(error.message.includes(`"${keyword}"`), error.message)
          return true
        }
      )
    })

  it('whose keywords have values that they cannot have is refused, and the place is named', () => {
    for (const [schema, place] of [
      [{ type: 'text' }, '/type'],
      [{ type: [] }, '/type'],
      [{ required: 'a' }, '/required'],
      [{ required: ['a', 'a'] }, '/required'],
      [{ minLength: -1 }, '/minLength'],
      [{ maxItems: 1.5 }, '/maxItems'],
      [{ multipleOf: 0 }, '/multipleOf'],
      [{ properties: [] }, '/properties'],
      [{ allOf: [] }, '/allOf'],
      [{ items: [{}] }, '/items'],
      [{ properties: { a: 1 } }, '/properties/a'],
      [{ $schema: 'http://json-schema.org/draft-07/schema#' }, '/$schema']
    ] as const)
      refused(schema, new RegExp(`^/application/schema${place.replace('$', '\\$')}: `))
  })

  it('multiples are exact, of decimals as of integers', () => {
    for (const [factor, value, isMultiple] of [
      [0.1, 0.3, true],
      [0.01, 19.99, true],
      [0.1, 0.35, false],
      [3, 9_007_199_254_740_992, false],
      [2, 1e300, true],
      [7, 1e300, false],
      [1e-300, 1e300, true],
      [1, 0.5, false],
      [0.5, -1.5, true]
    ] as const)
      assert.equal(fits({ multipleOf: factor }, value), isMultiple, `${value} of ${factor}`)
  })

  it('multiples of any two numbers are what integers with all their digits say', () => {
    const number = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.tuple(fc.integer(), fc.integer({ min: -30, max: 30 })).map(([n, e]) => Number(`${n}e${e}`)),
      fc.constantFrom(0, 0.1, 5e-324, Number.MAX_VALUE, 2 ** 53, 2 ** 60, 1e21, 1e-7)
    )
    fc.assert(
      fc.property(number, number, fc.integer(), (value, given, times) => {
        const factor = Math.abs(given) || 1
        for (const tested of [value, factor * times].filter(Number.isFinite))
          assert.equal(
            fits({ multipleOf: factor }, tested),
            isMultiple(tested, factor),
            `${tested}, ${factor}`
          )
      }),
      runs(2_000)
    )
  })

  it('takes a verdict a step for two values, however long names, texts and numbers are', () => {
    const parts = (part: (index: number) => JsonSchema): JsonSchema => ({
      anyOf: Array.from({ length: 1_300 }, (_, index) => part(index))
    })
    const place = { additionalProperties: { type: 'null' } }
    const megabyte = 1_000_000
    for (const [schema, value] of [
      // Minutes, where each part has the name escaped; and seconds, where each counts the characters.
      [parts(() => place), { ['~'.repeat(megabyte)]: 1 }],
      [parts(index => ({ maxLength: megabyte - 1_301 + index })), 'a'.repeat(megabyte)],
      [
        { items: { not: parts(index => ({ multipleOf: Number(`${3 * (100_001 + 2 * index)}e-300`) })) } },
        Array.from({ length: 4_000 }, (_, index) => Number(`${3 * (100_001 + 2 * index) + 1}e+302`))
      ]
    ] as const)
      assert.equal(fits(schema, value), Array.isArray(value))
    const messages = new MessagesApplication({ type: 'messages', schema: place })
    const { detail } = present(messages.checkBody(utf8(`{"${'~'.repeat(megabyte)}":1}`)))
    assert.equal(detail, `/${'~0'.repeat(100)}`.slice(0, 200).concat(' must be null'))
  })

  it('names the place of what does not fit in a message', () => {
    const messages = new MessagesApplication({
      type: 'messages',
      schema: { properties: { a: { items: { properties: { 'b/c': { type: 'string' } } } } } }
    })
    const refusal = present(messages.checkBody(utf8('{"a":[{},{"b/c":1}]}')))
    assert.deepEqual(refusal, { reason: 'bad schema', detail: '/a/1/b~1c must be string' })
  })

  describe('with references', () => {
    const point = { type: 'object', required: ['x'], properties: { x: { type: 'number' } } }

    it('to schemas in it is as if they stood there', () => {
      for (const [$ref, names] of [
        ['#/$defs/point', 'point'],
        ['#/$defs/a~1b%20c', 'a/b c']
      ] as const) {
        const schema = { $defs: { [names]: point }, items: { $ref, maxProperties: 1 } }
        assert.ok(fits(schema, [{ x: 1 }]))
        assert.ok(!fits(schema, [{ x: 'y' }]))
        assert.ok(!fits(schema, [{ x: 1, y: 1 }]), 'what stands beside a reference counts too')
      }
      const chained = { $defs: { a: { $ref: '#/$defs/b' }, b: point }, $ref: '#/$defs/a' }
      assert.ok(!fits(chained, {}))
      assert.ok(fits({ properties: { a: point, b: { $ref: '#/properties/a' } } }, { b: { x: 1 } }))
    })

    it('to a member whose name is empty has a slash for it, wherever named schemas stand', () => {
      for (const keyword of ['properties', '$defs', 'definitions', 'dependentSchemas']) {
        const held = { [keyword]: { '': { minimum: 1.5 } } }
        const schema = { ...held, items: { $ref: `#/${keyword}/` } }
        assert.ok(fits(schema, [2]), keyword)
        assert.ok(!fits(schema, [1]), keyword)
        refused({ ...held, items: { $ref: `#/${keyword}` } }, /names a place where no schema stands/)
      }
    })

    it('and long names are read in a moment: no more places are kept than are named', () => {
      const name = 'n'.repeat(40_000)
      const many = Array.from({ length: 4_000 }, () => true)
      const schema = {
        properties: { [name]: { allOf: many } },
        $ref: '#/$defs/a',
        $defs: { a: { type: 'object' } }
      }
      assert.ok(fits(schema, { [name]: 1 }))
      assert.ok(!fits(schema, 1))
    })

    it('to anything else is refused', () => {
      for (const $ref of [
        '',
        'x',
        'https://example.com/',
        '#x',
        '#/$defs',
        '#/$defs/b',
        '#/%',
        '#/title',
        '#/$defs/a/'
      ])
        refused({ $defs: { a: {} }, title: 'x', items: { $ref } }, /^\/application\/schema\/items\/\$ref: /)
    })

    it('that make it contain itself is refused', () => {
      refused({ properties: { a: { $ref: '#' } } }, /contain itself/)
      refused({ $defs: { a: { $ref: '#/$defs/b' }, b: { not: { $ref: '#/$defs/a' } } } }, /contain itself/)
    })

    it('that double it again and again is refused without its being built', () => {
      const $defs: Record<string, JsonSchema> = { d0: {} }
      for (let level = 1; level <= 20; level += 1) {
        const half = { $ref: `#/$defs/d${level - 1}` }
        $defs[`d${level}`] = { allOf: [half, half] }
      }
      refused({ $defs, $ref: '#/$defs/d20' }, /with each \$ref replaced it has [0-9]+ values/)
    })

    it('that nest it deep is refused, however flat it is written', () => {
      const chain = (length: number): JsonSchema => ({
        $defs: Object.fromEntries(
          Array.from({ length }, (_, level) => [
            `d${level}`,
            level === 0 ? {} : { $ref: `#/$defs/d${level - 1}` }
          ])
        )
      })
      assert.doesNotThrow(() => new Schema(chain(LIMITS.schemaDepth - 2)))
      refused(chain(LIMITS.schemaDepth - 1), /with each \$ref replaced it is nested more than 64 deep/)
      refused(chain(1_000), /with each \$ref replaced it is nested more than 64 deep/)
    })
  })

  it('that allows no other members names the first one, cut short where its name is long', () => {
    const closed = new MessagesApplication({
      type: 'messages',
      schema: { properties: { a: {} }, additionalProperties: false }
    })
    assert.match(
      present(closed.checkBody(utf8('{"a":1,"b\\n":2}'))).detail,
      /^the message must NOT have additional properties, such as "b\\n"$/
    )
    const long = present(closed.checkBody(utf8(`{"${'x'.repeat(1_000)}":2}`))).detail
    assert.equal(long, `the message must NOT have additional properties, such as "${'x'.repeat(64)}"`)
  })

  it('of more depth, values or bytes than a schema has is refused', () => {
    let deep: JsonSchema = {}
    for (let level = 1; level < LIMITS.schemaDepth; level += 1) deep = { not: deep }
    assert.doesNotThrow(() => new Schema(deep))
    refused({ not: deep }, /^\/application\/schema: it is nested more than 64 deep/)
    const names = (count: number): JsonSchema => ({
      required: Array.from({ length: count }, (_, index) => `${index}`)
    })
    assert.doesNotThrow(() => new Schema(names(LIMITS.schemaValues - 2)))
    refused(names(LIMITS.schemaValues - 1), /^\/application\/schema: it has more than 4096 values/)
    const described = (bytes: number): JsonSchema => ({ title: 'x'.repeat(bytes - '{"title":""}'.length) })
    assert.doesNotThrow(() => new Schema(described(LIMITS.schemaBytes)))
    refused(described(LIMITS.schemaBytes + 1), /^\/application\/schema: 65537 bytes/)
  })
})

interface BodyVectors {
  readonly schemas: readonly { readonly name: string; readonly schema: JsonSchema; readonly at?: string }[]
  readonly bodies: readonly {
    readonly name: string
    readonly schema: JsonSchema
    readonly text?: string
    readonly hex?: string
    readonly valid: boolean
  }[]
}

describe('a value that is to be a body', () => {
  const application = new MessagesApplication({ type: 'messages', schema: {} })
  const detailOf = (value: unknown): string => {
    const encoded = application.encodeBody(value)
    return 'refusal' in encoded ? encoded.refusal.detail : assert.fail('it was encoded')
  }

  it('is refused as nested too deep, or as without canonical form, and not as one of the two', () => {
    let deep: unknown = 1
    for (let level = 0; level <= LIMITS.bodyDepth; level += 1) deep = [deep]
    const loop: unknown[] = []
    loop.push(loop)
    for (const value of [deep, loop]) assert.equal(detailOf(value), 'the value is nested more than 32 deep')
    for (const value of [{ a: Number.POSITIVE_INFINITY }, ['\ud800'], undefined, 1n])
      assert.match(detailOf(value), /^the value has no canonical JSON form \(RFC 8785\)/)
  })
})

describe('the published vectors of bodies and schemas', () => {
  const vectors: BodyVectors = JSON.parse(repositoryFile('docs/vectors/bodies.json'))

  for (const { name, schema, at } of vectors.schemas)
    it(`a schema ${name} is ${at === undefined ? 'taken' : 'refused'}`, () => {
      if (at === undefined) assert.doesNotThrow(() => new Schema(schema))
      else
        assert.throws(
          () => new Schema(schema),
          (error: unknown) => error instanceof InvalidNetworkDocument && error.message.startsWith(`${at}: `)
        )
    })

  for (const { name, schema, text, hex, valid } of vectors.bodies)
    it(`a body ${name} is ${valid ? 'valid' : 'refused: bad schema'}`, () => {
      const body = hex === undefined ? utf8(present(text)) : fromHex(hex)
      const refusal = new MessagesApplication({ type: 'messages', schema }).checkBody(body)
      assert.equal(refusal?.reason, valid ? undefined : 'bad schema', refusal?.detail)
    })
})
