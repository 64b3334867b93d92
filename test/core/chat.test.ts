import assert from 'node:assert/strict'
import { decodeAddresses, encodeAddresses } from '#src/core/addresses.js'
import { concat, toHex, utf8 } from '#src/core/bytes.js'
import { decodeChatLine, encodeChatLine, LINE_ID_LENGTH, LOBBY, roomOf } from '#src/core/chat.js'
import { DecodeError } from '#src/core/codec.js'
import { sha256 } from '#src/core/hash.js'
import { LIMITS } from '#src/core/limits.js'
import { present } from '../helpers/changes.js'
import { seedOf } from '../helpers/core.js'

const id = new Uint8Array(LINE_ID_LENGTH).fill(7)

/** A chat line whose text is these bytes, UTF-8 or not. */
function lineOf(text: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0x0a, LINE_ID_LENGTH), id, Uint8Array.of(0x12, text.length), text)
}

describe('A chat line', () => {
  it('holds an id and a text, and nothing else', () => {
    assert.equal(toHex(encodeChatLine({ id, text: 'hi' })), `0a10${'07'.repeat(16)}12026869`)
    assert.deepEqual(encodeChatLine({ id, text: 'hi' }), lineOf(utf8('hi')))
  })

  it('is refused without a text, or with an id of another length', () => {
    assert.throws(() => decodeChatLine(encodeChatLine({ id, text: '' })), /text: empty/)
    for (const length of [0, 15, 17])
      assert.throws(
        () => decodeChatLine(encodeChatLine({ id: new Uint8Array(length), text: 'a' })),
        /id: expected 16 bytes/
      )
  })

  it('has so many characters at most, however many bytes they take', () => {
    for (const character of ['a', 'ü', '語', '👩']) {
      const text = character.repeat(LIMITS.lineCharacters)
      assert.equal(decodeChatLine(encodeChatLine({ id, text })).text, text)
      assert.throws(() => decodeChatLine(encodeChatLine({ id, text: text + character })), /too many/)
    }
    assert.throws(() => decodeChatLine(new Uint8Array(LIMITS.lineBytes + 1)), /bytes are too many/)
  })

  for (const [what, ...bytes] of [
    ['a byte that begins nothing', 0x80],
    ['a character that is not finished', 0x61, 0xe8, 0xaa],
    ['a character in more bytes than it needs', 0xc1, 0xa1],
    ['a NUL in two bytes', 0xc0, 0x80],
    ['half a surrogate', 0xed, 0xa0, 0xbd],
    ['the two halves of a surrogate', 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
    ['a character past the last one', 0xf4, 0x90, 0x80, 0x80],
    ['a byte that UTF-8 never has', 0xff]
  ] as const)
    it(`is refused with text that is not UTF-8: ${what}`, () => {
      assert.throws(() => decodeChatLine(lineOf(Uint8Array.from(bytes))), DecodeError)
    })
})

describe('A room', () => {
  it('is the network of a document that its name alone decides', () => {
    const { canonical, id: network, name } = present(roomOf(LOBBY))
    const document =
      '{"application":{"type":"chat"},"name":"lobby","ordering":{"type":"none"},"tallystick":1}'
    assert.equal(name, 'lobby')
    assert.equal(Buffer.from(canonical).toString(), document)
    assert.deepEqual(network, sha256(utf8(document)))
    assert.equal(toHex(network), 'b24d0dd10e1e4fd6b1e0a95c9634fc5b92f98ff808ae8f007caaef5158648f32')
    assert.notDeepEqual(present(roomOf('Lobby')).id, network)
  })

  it('has a name of 1 to 100 characters', () => {
    assert.ok(roomOf('語'.repeat(100)))
    for (const name of ['', 'a'.repeat(101), '\ud800']) assert.equal(roomOf(name), undefined)
  })
})

describe('Addresses', () => {
  it('are of one network, and no more than so many', () => {
    const network = seedOf('network')
    const some = (count: number) => Array.from({ length: count }, (_, port) => `/ip4/127.0.0.1/tcp/${port}`)
    for (const count of [0, 1, LIMITS.toldAddresses])
      assert.deepEqual(
        decodeAddresses(encodeAddresses({ network, addresses: some(count) })).addresses,
        some(count)
      )
    const tooMany = encodeAddresses({ network, addresses: some(LIMITS.toldAddresses + 1) })
    assert.throws(() => decodeAddresses(tooMany), /more than 16 elements/)
    assert.throws(() => decodeAddresses(new Uint8Array(0)), /network: expected 32 bytes/)
  })
})
