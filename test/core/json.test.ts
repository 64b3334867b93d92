import assert from 'node:assert/strict'
import { Worker } from 'node:worker_threads'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { DecodeError } from '#src/core/codec.js'
import {
  canonicalJson,
  canonicalText,
  type Json,
  type JsonLimits,
  JsonTooLarge,
  readCanonicalJson
} from '#src/core/json.js'
import { LIMITS } from '#src/core/limits.js'
import { runs } from '../helpers/core.js'

const BODY: JsonLimits = { depth: LIMITS.bodyDepth, values: LIMITS.bodyValues }
const UNBOUNDED: JsonLimits = { depth: Number.POSITIVE_INFINITY, values: Number.POSITIVE_INFINITY }

/** As `JSON.parse` would give it. */
function plain(value: Json): unknown {
  if (value instanceof Map) {
    const object: Record<string, unknown> = {}
    for (const [key, member] of value)
      Object.defineProperty(object, key, {
        value: plain(member),
        enumerable: true,
        configurable: true,
        writable: true
      })
    return object
  }
  return Array.isArray(value) ? value.map(plain) : value
}

/** By other code; undefined where the text is no JSON, or has a number that is too large. */
function canonicalOf(text: string): string | undefined {
  try {
    return canonicalize(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** What the reader says of a text: the value, or undefined. */
function read(text: string, limits = UNBOUNDED): Json | undefined {
  try {
    return readCanonicalJson(text, limits)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

describe('canonical JSON', () => {
  it('is read as the value that JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), value => {
        const text = canonicalize(value) ?? ''
        const json = read(text)
        assert.ok(json !== undefined, text)
        assert.deepEqual(plain(json), JSON.parse(text))
        assert.equal(canonicalText(json), text)
        assert.equal(canonicalJson(JSON.parse(text), 100), text)
      }),
      runs(1_000)
    )
  })

  it('and no other text is: any slip in one is refused, or is canonical again', () => {
    const slips = fc
      .tuple(
        fc.jsonValue(),
        fc.nat(),
        fc.constantFrom(...' \n\t"\\/{}[],:0123456789eE+-.truefalsn\u0000\u001fü😀')
      )
      .map(([value, place, character]) => {
        const text = canonicalize(value) ?? ''
        const index = place % (text.length + 1)
        return [
          `${text.slice(0, index)}${character}${text.slice(index)}`,
          text.slice(0, index) + text.slice(index + 1)
        ]
      })
    fc.assert(
      fc.property(slips, texts => {
        for (const text of texts) {
          const isCanonical = canonicalOf(text) === text && !/\p{Surrogate}/u.test(text)
          assert.equal(read(text) !== undefined, isCanonical, text)
        }
      }),
      runs(3_000)
    )
  })

  it('is read to exactly the depth and the values that it may have', () => {
    const nested = (open: string, close: string, depth: number): string =>
      open.repeat(depth) + close.repeat(depth)
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}']
    ] as const) {
      const inner = open === '[' ? '' : '1'
      const text = (depth: number): string =>
        nested(open, close, depth).replace(open + close, open + inner + close)
      assert.ok(read(text(BODY.depth), BODY) !== undefined)
      assert.throws(() => readCanonicalJson(text(BODY.depth + 1), BODY), JsonTooLarge)
    }
    const list = (values: number): string =>
      `[${Array(values - 1)
        .fill('0')
        .join(',')}]`
    assert.ok(read(list(BODY.values), BODY) !== undefined)
    assert.throws(() => readCanonicalJson(list(BODY.values + 1), BODY), JsonTooLarge)
    const empty = (values: number): string =>
      `[${Array(values - 1)
        .fill('[]')
        .join(',')}]`
    assert.ok(read(empty(BODY.values), BODY) !== undefined)
    assert.throws(() => readCanonicalJson(empty(BODY.values + 1), BODY), JsonTooLarge)
  })

  it('is refused where a limit is passed, whatever comes behind it', () => {
    for (const text of ['['.repeat(500_000), '{"a":'.repeat(200_000), `[${'0,'.repeat(500_000)}`])
      assert.throws(() => readCanonicalJson(text, BODY), JsonTooLarge)
  })

  it('is read without recursion: a million levels take no stack', () => {
    const depth = 1_000_000
    let json: Json | undefined = read(`${'['.repeat(depth)}${']'.repeat(depth)}`)
    let levels = 0
    for (; Array.isArray(json); levels += 1) json = json[0]
    assert.equal(levels, depth)
  })

  it('of what has none there is none, and no circle or depth throws', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    let deep: unknown = 1
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    for (const value of [
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1n,
      Symbol('x'),
      () => 1,
      '\ud800',
      { '\udc00': 1 },
      [undefined],
      new Date(0),
      new Map(),
      circle,
      deep
    ])
      assert.equal(canonicalJson(value, LIMITS.bodyDepth), undefined)
    assert.equal(canonicalJson({ b: undefined, a: -0 }, 1), '{"a":0}')
  })
})

describe('a verdict on a body', () => {
  const SCHEMA = { properties: { a: { uniqueItems: true, items: { enum: [[[1]], { b: 1 }] } } } }
  const { depth, values } = BODY
  const bodies = {
    deepest: `${'['.repeat(depth)}${']'.repeat(depth)}`,
    tooDeep: `${'['.repeat(4_000)}${']'.repeat(4_000)}`,
    deepObjects: `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
    widest: `[${Array(values - 1)
      .fill('0')
      .join(',')}]`,
    unique: '{"a":[[[1]],{"b":1}]}',
    same: '{"a":[[[1]],[[1]]]}'
  }
  const JUDGE = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.module).then(({ MessagesApplication }) => {
      const application = new MessagesApplication({ type: 'messages', schema: workerData.schema })
      parentPort.postMessage(
        Object.values(workerData.bodies).map(text => application.checkBody(new TextEncoder().encode(text)) ?? 'valid')
      )
    })`

  function judged(stackSizeMb: number): Promise<unknown> {
    const module = import.meta.resolve('#src/applications/messages/messages.js')
    return new Promise((resolve, reject) => {
      const worker = new Worker(JUDGE, {
        eval: true,
        workerData: { module, schema: SCHEMA, bodies },
        resourceLimits: { stackSizeMb }
      })
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  }

  it('is the same on a stack of any size, in a worker thread and on the main one', async () => {
    const { MessagesApplication } = await import('#src/applications/messages/messages.js')
    const application = new MessagesApplication({ type: 'messages', schema: SCHEMA })
    const here = Object.values(bodies).map(
      text => application.checkBody(new TextEncoder().encode(text)) ?? 'valid'
    )
    const reasons = here.map(verdict => (verdict === 'valid' ? verdict : verdict.reason))
    assert.deepEqual(reasons, ['valid', 'bad schema', 'valid', 'valid', 'valid', 'bad schema'])
    for (const stackSizeMb of [0.4, 1, 4])
      assert.deepEqual(await judged(stackSizeMb), here, `${stackSizeMb} MB`)
  })
})
