import assert from 'node:assert/strict'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { MessagesApplication } from '#src/applications/messages/messages.js'
import { genesisOf } from '#src/core/block.js'
import { concat, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import type { Message } from '#src/core/message.js'
import { InvalidNetworkDocument } from '#src/core/network.js'
import { assertBytes } from '../../helpers/bytes.js'
import { present } from '../../helpers/changes.js'
import { seedOf, signerNamed } from '../../helpers/core.js'
import { SCHEMA } from '../../helpers/networks.js'
import { describeApplication } from '../conformance.js'

function application(schema: Record<string, unknown> = SCHEMA): MessagesApplication {
  return new MessagesApplication({ type: 'messages', schema })
}

describeApplication('messages', async () => {
  const { peerId } = await signerNamed('author')
  const said = (text: string, index: number): Message => ({
    network: seedOf('a network'),
    author: peerId,
    sequence: BigInt(index + 1),
    time: 0,
    body: { kind: 'open', bytes: utf8(`{"text":"${text}"}`) }
  })
  return {
    make: application,
    producer: peerId,
    valid: ['one', 'two', 'three'].map(said),
    wrong: [],
    sayable: [{ text: 'x' }, { text: 'x', data: { y: [1] } }],
    unsayable: [undefined, null, 'x', { text: '' }, { text: 'x', data: Number.NaN }]
  }
})

describe('the messages application', () => {
  const messages = application()
  const anything = application({})

  it('takes canonical JSON that fits the schema', () => {
    for (const text of [
      '{"text":"hello"}',
      '{"data":{"a":[1,null,true]},"text":"ü€😀"}',
      '{"text":"\\u0000\\n"}'
    ])
      assert.equal(messages.checkBody(utf8(text)), undefined, text)
  })

  const unfit: readonly (readonly [string, string])[] = [
    ['a required field that is missing', '{}'],
    ['a field of another type', '{"text":5}'],
    ['a field that the schema does not know', '{"more":1,"text":"x"}'],
    ['a text that is too short', '{"text":""}'],
    ['a text that is too long', `{"text":"${'x'.repeat(8001)}"}`],
    ['an array', '["text"]'],
    ['a string', '"text"'],
    ['null', 'null']
  ]
  for (const [what, text] of unfit)
    it(`refuses ${what}: bad schema`, () => {
      const refusal = present(messages.checkBody(utf8(text)))
      assert.equal(refusal.reason, 'bad schema')
      assert.notEqual(refusal.detail, '')
    })

  const notCanonical: readonly (readonly [string, string])[] = [
    ['white space before', ' {"text":"x"}'],
    ['white space within', '{"text": "x"}'],
    ['white space behind', '{"text":"x"}\n'],
    ['a key twice', '{"text":"x","text":"x"}'],
    ['a key twice with different values', '{"text":"x","text":"y"}'],
    ['keys in another order', '{"text":"x","data":{}}'],
    ['an escape that is not needed', '{"text":"\\u0078"}'],
    ['an escaped slash', '{"text":"\\/"}'],
    ['an escape in capitals', '{"text":"\\u001F"}'],
    ['a number with an exponent that is not needed', '{"data":{"a":1e2},"text":"x"}'],
    ['a number with a zero behind its point', '{"data":{"a":1.0},"text":"x"}'],
    ['a negative zero', '{"data":{"a":-0},"text":"x"}'],
    ['a number of more digits than a double holds', '{"data":{"a":9007199254740993},"text":"x"}'],
    ['a number beyond any double', '{"data":{"a":1e400},"text":"x"}'],
    ['a fraction of more digits than a double holds', '{"data":{"a":0.10000000000000000001},"text":"x"}'],
    ['__proto__ behind other keys', '{"data":{"a":1,"__proto__":{}},"text":"x"}'],
    ['a byte order mark', '\ufeff{"text":"x"}']
  ]
  for (const [what, text] of notCanonical)
    it(`refuses JSON with ${what}: two readers might read it differently`, () => {
      const refusal = present(messages.checkBody(utf8(text)))
      assert.equal(refusal.reason, 'bad schema')
    })

  const notJson: readonly (readonly [string, Uint8Array])[] = [
    ['no bytes', new Uint8Array(0)],
    ['a word', utf8('hello')],
    ['half an object', utf8('{"text":"x"')],
    ['two objects', utf8('{"text":"x"}{"text":"x"}')],
    ['a comment', utf8('{"text":"x"}/**/')],
    ['NaN', utf8('NaN')],
    ['a single surrogate', utf8('{"text":"\\ud800"}')],
    ['UTF-8 of a surrogate', concat(utf8('{"text":"'), Uint8Array.of(0xed, 0xa0, 0x80), utf8('"}'))],
    [
      'UTF-8 that is too long for its character',
      concat(utf8('{"text":"'), Uint8Array.of(0xc0, 0x80), utf8('"}'))
    ],
    ['UTF-8 that breaks off', concat(utf8('{"text":"'), Uint8Array.of(0xe2, 0x82), utf8('"}'))],
    ['bytes of no encoding', Uint8Array.of(0xff, 0xfe, 0xfd)]
  ]
  for (const [what, body] of notJson)
    it(`refuses ${what}: bad schema`, () => {
      assert.equal(present(messages.checkBody(body)).reason, 'bad schema')
    })

  it('__proto__ as a key does not get past the schema, nor change any object', () => {
    for (const text of ['{"__proto__":{"text":"x"}}', '{"__proto__":{"polluted":true},"text":"x"}'])
      assert.equal(present(messages.checkBody(utf8(text))).reason, 'bad schema', text)
    anything.checkBody(utf8('{"__proto__":{"polluted":true}}'))
    assert.equal('polluted' in {}, false)
  })

  it('constructor and toString as keys are keys like any other', () => {
    const text = '{"data":{"constructor":1,"hasOwnProperty":2,"toString":3},"text":"x"}'
    assert.equal(messages.checkBody(utf8(text)), undefined)
  })

  for (const depth of [33, 1_000, 100_000, 500_000])
    it(`JSON nested ${depth} deep is refused, whatever the schema says of it`, () => {
      for (const [open, close] of [
        ['[', ']'],
        ['{"a":', '}']
      ] as const) {
        const text = `${open.repeat(depth)}1${close.repeat(depth)}`
        for (const [judge, body] of [
          [messages, `{"data":{"a":${text}},"text":"x"}`],
          [anything, text]
        ] as const)
          assert.match(present(judge.checkBody(utf8(body))).detail, /nested more than 32 deep/)
      }
    })

  it('whatever bytes come, it gives a verdict and does not throw', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array(), fc.string({ unit: 'binary' }).map(utf8), fc.json().map(utf8)),
        body => {
          for (const judge of [messages, anything]) {
            const refusal = judge.checkBody(body)
            if (refusal !== undefined) assert.equal(refusal.reason, 'bad schema')
          }
        }
      )
    )
  })

  it('what it takes is exactly the canonical form of some JSON', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        const isCanonical = canonicalize(JSON.parse(text)) === text
        assert.equal(anything.checkBody(utf8(text)) === undefined, isCanonical)
      })
    )
  })

  it('what it encodes it takes again', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const encoded = anything.encodeBody(value)
        if ('body' in encoded) assert.equal(anything.checkBody(encoded.body), undefined)
        else assert.equal(encoded.refusal.reason, 'bad schema')
      })
    )
  })

  for (const [what, value] of [
    ['nothing', undefined],
    ['a function', () => undefined],
    ['a number that JSON does not have', { text: 'x', data: { a: Number.NaN } }],
    ['a big integer', { text: 'x', data: { a: 1n } }],
    ['an object that contains itself', circular()],
    ['an object nested 100000 deep, as a line of standard input may be', nested(100_000)],
    ['what does not fit the schema', { text: 1 }]
  ] as const)
    it(`refuses to encode ${what}, and does not throw`, () => {
      const encoded = messages.encodeBody(value)
      assert.ok('refusal' in encoded)
      assert.equal(encoded.refusal.reason, 'bad schema')
    })

  it('a schema that is none is an invalid network document', () => {
    for (const schema of [{ type: 'nothing' }, { $ref: '#/nowhere' }, { pattern: '(' }, { unknown: true }])
      assert.throws(() => application(schema), InvalidNetworkDocument, JSON.stringify(schema))
  })

  it('its state is nothing, and stays so', () => {
    const state = messages.genesis()
    assert.equal(state, undefined)
    assertBytes(messages.digest(), sha256(new Uint8Array(0)))
    const genesis = genesisOf(sha256(utf8('network')), messages.digest(), 0)
    assertBytes(genesis.header.state, messages.digest())
    assert.equal(messages.stakes().total, 0n)
  })
})

function circular(): unknown {
  const data: { self?: unknown } = {}
  data.self = data
  return { data, text: 'x' }
}

function nested(depth: number): unknown {
  return JSON.parse(`{"data":{"a":${'['.repeat(depth)}${']'.repeat(depth)}},"text":"x"}`)
}
