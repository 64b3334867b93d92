import assert from 'node:assert/strict'
import fc from 'fast-check'
import { concat, toHex, utf8 } from '#src/core/bytes.js'
import { roomOf } from '#src/core/chat.js'
import { sha256 } from '#src/core/hash.js'
import { peerIdToString } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { expectChain, InvalidNetworkDocument, sequencerOf } from '#src/core/network.js'
import { networkOf, parseCanonicalNetwork, parseNetwork } from '#src/rules/network-document.js'
import { arbitrary, assertSame, documentOf, runs, signerNamed, vectors } from '../helpers/core.js'
import { sequencerSectionOf } from '../helpers/networks.js'

const sequencer = await signerNamed('sequencer')
const document = documentOf(sequencer)
const peer = document.ordering.sequencer
const canonical =
  '{"application":{"schema":{"type":"object"},"type":"messages"},"limits":{"messageBytes":4096},' +
  `"name":"test","ordering":{"blockSize":100,"sequencer":"${peer}","type":"sequencer"},"tallystick":1}`

/** The document with one part replaced; undefined takes it out. */
function changed(path: string, value: unknown): unknown {
  const [part = '', inner] = path.split('.')
  const copy: Record<string, unknown> = structuredClone(document)
  const held = copy[part]
  copy[part] = inner === undefined ? value : { ...(typeof held === 'object' ? held : {}), [inner]: value }
  return JSON.parse(JSON.stringify(copy))
}

function refused(value: unknown, message: RegExp): void {
  assert.throws(() => networkOf(value), { name: 'InvalidNetworkDocument', message })
  assert.throws(() => parseNetwork(JSON.stringify(value)), { name: 'InvalidNetworkDocument', message })
}

/** The same JSON value written otherwise: members in another order, space between everything. */
function scrambled(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(scrambled).join(' ,\n\t')} ]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? 1 : -1))
  return `{\r\n${members.map(([key, inner]) => ` ${JSON.stringify(key)} : ${scrambled(inner)}`).join(',\n')}\n}`
}

describe('Network document: its identity', () => {
  it('is the SHA-256 of its RFC 8785 form', () => {
    const network = networkOf(document)
    assert.equal(Buffer.from(network.canonical).toString(), canonical)
    assertSame(network.id, sha256(utf8(canonical)))
    assertSame(network.document, document)
  })

  it('does not hang on the order of members or on white space', () => {
    const network = networkOf(document)
    for (const text of [JSON.stringify(document), JSON.stringify(document, null, 4), scrambled(document)])
      assertSame(parseNetwork(text), network)
  })

  it('does not hang on how numbers and characters are spelled', () => {
    const network = networkOf(document)
    const spelled = canonical
      .replace('"test"', '"\\u0074est"')
      .replace(':100', ':1e2')
      .replace(':4096', ':4096.0')
    assert.notEqual(spelled, canonical)
    assertSame(parseNetwork(spelled).id, network.id)
  })

  it('is another for every change of the document', () => {
    const ids = [
      document,
      changed('name', 'other'),
      changed('ordering.blockSize', 99),
      changed('ordering.blockTimeout', 1000),
      changed('limits.messageBytes', 4097),
      changed('application.schema', { type: 'string' }),
      changed('members', []),
      changed('members', [peer])
    ].map(value => toHex(networkOf(value).id))
    assert.equal(new Set(ids).size, ids.length)
  })

  it('sorts members by UTF-16 units and writes numbers as ECMAScript does (RFC 8785, 3.2.2.3 and 3.2.3)', () => {
    const schema = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }
    const numbers = { a: Number('333333333.33333329'), b: 1e30, c: 4.5, d: 2e-3, e: 1e-27, f: -0 }
    const text = Buffer.from(
      networkOf(changed('application.schema', { schema, numbers })).canonical
    ).toString()
    assert.ok(text.includes('{"a":333333333.3333333,"b":1e+30,"c":4.5,"d":0.002,"e":1e-27,"f":0}'))
    assert.ok(text.includes('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}'))
  })

  it('is the same again from its own canonical bytes, whatever the document holds', () => {
    const documents = fc.record(
      {
        name: fc.string({ minLength: 1, maxLength: 50, unit: 'binary' }),
        schema: fc.dictionary(fc.string(), fc.jsonValue()),
        blockSize: fc.integer({ min: 1, max: 1000 }),
        members: fc.constantFrom([], [peer])
      },
      { requiredKeys: ['name', 'schema', 'blockSize'] }
    )
    fc.assert(
      fc.property(documents, ({ name, schema, blockSize, members }) => {
        const network = networkOf({
          ...document,
          name,
          ordering: { ...document.ordering, blockSize },
          application: { type: 'messages', schema },
          ...(members && { members })
        })
        for (const same of [
          parseCanonicalNetwork(network.canonical),
          parseNetwork(scrambled(network.document))
        ]) {
          assertSame(same.canonical, network.canonical)
          assertSame(same.id, network.id)
        }
      }),
      runs(200)
    )
  })
})

describe('Network document: in canonical form', () => {
  it('is taken from block 0 byte for byte', () => {
    assertSame(parseCanonicalNetwork(utf8(canonical)), networkOf(document))
  })

  it('and in no other form', () => {
    for (const text of [
      JSON.stringify(document),
      ` ${canonical}`,
      `${canonical}\n`,
      `\ufeff${canonical}`,
      canonical.replace(',', ', '),
      canonical.replace(':100', ':1e2'),
      canonical.replace(':100', ':100.0'),
      canonical.replace('"test"', '"\\u0074est"'),
      canonical.replace('"name":"test"', '"name":"no","name":"test"')
    ]) {
      assert.notEqual(text, canonical)
      assert.throws(() => parseCanonicalNetwork(utf8(text)), InvalidNetworkDocument, text)
    }
  })

  it('bytes that are not UTF-8 are refused', () => {
    const [before = '', after = ''] = canonical.split('test')
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]])
      assert.throws(
        () => parseCanonicalNetwork(concat(utf8(before), Uint8Array.from(bytes), utf8(after))),
        InvalidNetworkDocument
      )
  })

  it('arbitrary bytes, and any slip in the right ones, are refused', () => {
    const right = utf8(canonical)
    fc.assert(
      fc.property(arbitrary.bytes(0, 300), bytes => {
        assert.throws(() => parseCanonicalNetwork(bytes), InvalidNetworkDocument)
      }),
      runs(300)
    )
    fc.assert(
      fc.property(fc.nat(right.length - 1), fc.integer({ min: 1, max: 255 }), (index, mask) => {
        try {
          // A letter of the name may be another: then it is another network.
          const network = parseCanonicalNetwork(right.with(index, (right[index] ?? 0) ^ mask))
          assert.notEqual(toHex(network.id), toHex(networkOf(document).id))
        } catch (error) {
          assert.ok(error instanceof InvalidNetworkDocument, String(error))
        }
      }),
      runs(1000)
    )
  })
})

describe('Network document: what is refused, with a sentence', () => {
  it('what is no JSON', () => {
    for (const text of ['', '{', 'network', '{"tallystick":1,}', '\ufeff{}'])
      assert.throws(() => parseNetwork(text), {
        name: 'InvalidNetworkDocument',
        message: /^it is not JSON: /
      })
  })

  it('what is no document', () => {
    for (const value of [null, true, 1, 'text', [], {}, [document]])
      assert.throws(() => networkOf(value), InvalidNetworkDocument)
    assert.throws(() => networkOf(undefined), InvalidNetworkDocument)
  })

  for (const path of [
    'tallystick',
    'name',
    'ordering',
    'ordering.type',
    'ordering.sequencer',
    'ordering.blockSize',
    'application',
    'application.type',
    'application.schema',
    'limits',
    'limits.messageBytes'
  ])
    it(`a document without ${path}`, () => {
      const [last = ''] = path.split('.').reverse()
      refused(changed(path, undefined), new RegExp(`must have required property '${last}'`))
    })

  it('unknown members, at every depth', () => {
    for (const path of ['extra', 'ordering.extra', 'application.extra', 'limits.extra'])
      refused(changed(path, 1), /must NOT have additional properties/)
    assert.throws(() => parseNetwork(canonical.replace('{', '{"__proto__":{},')), InvalidNetworkDocument)
  })

  it('values of another type or out of their range', () => {
    for (const [path, values] of Object.entries({
      tallystick: [0, 2, '1', null],
      name: ['', 'x'.repeat(101), 1, null],
      'ordering.type': ['dice', '', null],
      'ordering.blockSize': [0, -1, 10_001, 1.5, '100', null],
      'ordering.blockTimeout': [0, -1, 86_400_001, 0.5, '1', null],
      'application.type': ['poems', null],
      'application.schema': [true, 'x', [], null],
      members: [{}, peer, [1], null],
      'limits.messageBytes': [511, 1_048_577, 600.5, '4096', null]
    }))
      for (const value of values)
        refused(changed(path, value), new RegExp(`^/${path.replace('.', '/')}[/ ].*must `))
  })

  it('says all that is wrong at once', () => {
    assert.throws(() => networkOf({ ...document, name: '', limits: {} }), {
      message:
        "/name must NOT have fewer than 1 characters; /limits must have required property 'messageBytes'"
    })
  })

  it('that are longer than one may be, unread; and of long ones what is wrong first, not millions of things', () => {
    const members = Array.from({ length: 1_500_000 }, () => 1)
    const text = JSON.stringify({ ...document, members })
    assert.throws(() => parseNetwork(text), {
      name: 'InvalidNetworkDocument',
      message: '/members must NOT have more than 10000 items'
    })
    assert.throws(() => parseCanonicalNetwork(new Uint8Array(LIMITS.documentBytes + 1).fill(0x5b)), {
      name: 'InvalidNetworkDocument',
      message: '4194305 bytes; it has 4194304 at most'
    })
  })

  it('what is no PeerId, as sequencer or among the members', () => {
    const bad = ['nobody', `${peer}0`, peer.slice(1), peer.slice(0, -1), ` ${peer}`]
    const { must_reject_text } = vectors<{ must_reject_text: string[] }>('libp2p/peer_id_keys.json')
    for (const text of [...bad, ...must_reject_text]) {
      refused(changed('ordering.sequencer', text), new RegExp(`^"${text}" is not a PeerId: `))
      refused(changed('members', [peer, text]), new RegExp(`^"${text}" is not a PeerId: `))
    }
    refused(changed('ordering.sequencer', ''), /\/ordering\/sequencer must NOT have fewer than 1/)
    refused(changed('ordering.sequencer', '1'.repeat(129)), /must NOT have more than 128/)
  })

  it('a member named twice, or more members than there may be', () => {
    refused(changed('members', [peer, peer]), /\/members must NOT have duplicate items/)
    refused(
      changed(
        'members',
        Array.from({ length: 10_001 }, (_, index) => `${index}`)
      ),
      /more than 10000 items/
    )
  })

  it('members of every type of key are fine', async () => {
    const members = await Promise.all(
      (['Ed25519', 'secp256k1', 'RSA'] as const).map(type => signerNamed('member', type))
    )
    const texts = members.map(({ peerId }) => peerIdToString(peerId))
    assert.deepEqual(networkOf(changed('members', texts)).document.members, texts)
  })

  it('blocks that could grow larger than a peer takes', () => {
    const messageBytes = 16_384
    const most = LIMITS.blockBytes / messageBytes
    const sized = (blockSize: number) => ({
      ...document,
      ordering: { ...document.ordering, blockSize },
      limits: { messageBytes }
    })
    assert.equal(sequencerSectionOf(networkOf(sized(most))).blockSize, most)
    refused(sized(most + 1), /^blockSize × messageBytes is over 16777216, .*; lower one of them$/)
  })

  it('reorgs that could move more than a peer holds', () => {
    const ordering = {
      type: 'work',
      start: 0,
      interval: 1,
      halfLife: 1,
      target: '1e00ffff',
      easiest: '1e00ffff'
    }
    const deep = (maxReorg: number) => ({
      ...document,
      ordering: { ...ordering, blockSize: 100, emptyBlocks: true, maxReorg },
      limits: { messageBytes: 16_384 }
    })
    const most = Math.floor(LIMITS.reorgBytes / (100 * 16_384))
    assert.equal(networkOf(deep(most)).id.length, 32)
    refused(deep(most + 1), /^maxReorg × blockSize × messageBytes is over 268435456, .*; lower one of them$/)
    refused(deep(1_001), /^\/ordering\/maxReorg must /)
  })

  it('any JSON value at all is a document or is refused', () => {
    const paths = [
      'tallystick',
      'name',
      'ordering',
      'ordering.sequencer',
      'ordering.blockSize',
      'members',
      'limits'
    ]
    fc.assert(
      fc.property(fc.constantFrom(...paths, undefined), fc.jsonValue(), (path, value) => {
        const candidate = path === undefined ? value : changed(path, value)
        try {
          const network = networkOf(candidate)
          assertSame(parseCanonicalNetwork(network.canonical), network)
        } catch (error) {
          assert.ok(error instanceof InvalidNetworkDocument, String(error))
        }
      }),
      runs(500)
    )
  })
})

describe('Network document: a ledger', () => {
  const ledger = (changes: object = {}): unknown => ({
    ...document,
    application: { type: 'ledger', accounts: { [peer]: '100' }, ...changes }
  })

  it('has accounts, and terms that may be left out', () => {
    for (const changes of [{}, { accounts: {} }, { reward: '0' }, { leastFee: '0' }, { leastFee: '12' }]) {
      const network = networkOf(ledger(changes))
      assertSame(parseCanonicalNetwork(network.canonical), network)
    }
  })

  it('is another network for every change of it', () => {
    const ids = [
      {},
      { accounts: { [peer]: '101' } },
      { leastFee: '0' },
      { leastFee: '1' },
      { reward: '0' }
    ].map(changes => toHex(networkOf(ledger(changes)).id))
    assert.equal(new Set(ids).size, ids.length)
  })

  it('has its amounts in digits, in one form', () => {
    for (const wrong of ['', '-1', '+1', '01', '1.0', '1e3', ' 1', '0x1', '1'.repeat(21), 1, null, [], {}]) {
      refused(ledger({ accounts: { [peer]: wrong } }), /^\/application\/accounts\/.* must /)
      refused(ledger({ reward: wrong }), /^\/application\/reward must /)
      refused(ledger({ leastFee: wrong }), /^\/application\/leastFee must /)
    }
    refused(ledger({ accounts: { [peer]: '0' } }), /^\/application\/accounts\/.* must match pattern/)
  })

  it('has accounts, and nothing that is not its own', () => {
    refused({ ...document, application: { type: 'ledger' } }, /must have required property 'accounts'/)
    for (const changes of [{ schema: {} }, { fee: '1' }])
      refused(ledger(changes), /must NOT have additional properties/)
    refused(ledger({ accounts: [] }), /^\/application\/accounts must be object/)
    const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`${index}`, '1']))
    refused(ledger({ accounts: many }), /must NOT have more than 10000 properties/)
  })

  it('pays no reward to a sequencer, which could make blocks of nothing', () => {
    refused(ledger({ reward: '1' }), /^\/application\/reward: a sequencer is paid by fees alone/)
  })
})

describe('Network document: with no order', () => {
  const unordered = (application: object = {}, changes: object = {}): unknown => ({
    ...document,
    ordering: { type: 'none' },
    application: { type: 'ledger', accounts: { [peer]: '100' }, ...application },
    ...changes
  })

  it('is of another kind than those of networks that have blocks', () => {
    assert.equal(networkOf(document).kind, 'chain')
    const network = networkOf(unordered())
    assert.equal(network.kind, 'set')
    assert.throws(() => expectChain(network), InvalidNetworkDocument)
    assert.throws(() => sequencerOf(network), /has no sequencer: its ordering is none/)
  })

  it('has a ledger, whose accounts and least fee may be any, and members where it wants', () => {
    for (const [application, changes] of [
      [{}, {}],
      [{ accounts: {} }, {}],
      [{ leastFee: '3' }, {}],
      [{ reward: '0' }, {}],
      [{}, { members: [peer] }]
    ] as const) {
      const network = networkOf(unordered(application, changes))
      assertSame(parseCanonicalNetwork(network.canonical), network)
    }
  })

  it('has nothing but a ledger, no reward, and nothing that has to do with blocks', () => {
    refused({ ...document, ordering: { type: 'none' } }, /^\/application\/type: messages need an order/)
    refused(unordered({ reward: '1' }), /^\/application\/reward: without an order there are no blocks/)
    for (const field of [{ blockSize: 100 }, { sequencer: peer }, { maxReorg: 1 }])
      refused(unordered({}, { ordering: { type: 'none', ...field } }), /^\/ordering must NOT have additional/)
    refused(unordered({}, { limits: {} }), /^\/limits must have required property 'messageBytes'/)
  })

  it('is no room of the chat, whose document nobody reads', () => {
    const room = roomOf('lobby')
    assert.ok(room)
    assert.throws(() => parseCanonicalNetwork(room.canonical), InvalidNetworkDocument)
  })
})
