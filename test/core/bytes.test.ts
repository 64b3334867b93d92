import assert from 'node:assert/strict'
import fc from 'fast-check'
import { asHash, concat, equal, fromHex, hashFromHex, toHex, utf8 } from '#src/core/bytes.js'
import { arbitrary, assertSame, runs } from '../helpers/core.js'

describe('Bytes and hex', () => {
  it('give one another back, in lower case', () => {
    fc.assert(
      fc.property(arbitrary.bytes(), bytes => {
        const hex = toHex(bytes)
        assert.match(hex, /^[0-9a-f]*$/)
        assertSame(fromHex(hex), bytes)
        assertSame(fromHex(hex.toUpperCase()), bytes)
      }),
      runs(200)
    )
  })

  it('look at a part of a larger buffer as at that part alone', () => {
    const whole = Uint8Array.of(1, 2, 3, 4)
    assert.equal(toHex(whole.subarray(1, 3)), '0203')
    assertSame(concat(whole.subarray(3), whole.subarray(0, 1)), Uint8Array.of(4, 1))
  })

  it('texts that are no hex give nothing', () => {
    for (const text of ['0', 'abc', '0x00', 'zz', ' 00', '00 ', '00\n', 'ａａ', '-1'])
      assert.equal(fromHex(text), undefined, text)
  })

  it('a hash is 64 digits, 32 bytes, and nothing else', () => {
    const hex = 'ab'.repeat(32)
    assertSame(hashFromHex(hex), new Uint8Array(32).fill(0xab))
    for (const text of ['', hex.slice(2), `${hex}00`, hex.slice(1), 'zz'.repeat(32)])
      assert.equal(hashFromHex(text), undefined)
    for (const length of [0, 31, 33]) assert.throws(() => asHash(new Uint8Array(length)), RangeError)
  })

  it('are equal if they are the same bytes, whatever they lie in', () => {
    fc.assert(
      fc.property(arbitrary.bytes(0, 4), arbitrary.bytes(0, 4), (a, b) => {
        assert.equal(equal(a, b), a.join() === b.join())
        assert.ok(equal(a, Buffer.from(a)))
      }),
      runs(500)
    )
  })

  it('joined together do not share memory with their parts', () => {
    const part = Uint8Array.of(1)
    const joined = concat(part)
    part[0] = 2
    assertSame(joined, Uint8Array.of(1))
    assertSame(utf8('ä€'), Uint8Array.of(0xc3, 0xa4, 0xe2, 0x82, 0xac))
  })
})
