import assert from 'node:assert/strict'
import fc from 'fast-check'
import { InexactJson, parseExactJson } from '#src/core/exact-json.js'
import { runs } from '../helpers/core.js'

describe('JSON that is given to be signed', () => {
  it('is read as JSON.parse reads it, whatever its spaces, escapes and spellings of numbers', () => {
    const spaced = fc
      .tuple(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t'))
      .map(([text, space]) => JSON.stringify(JSON.parse(text), null, space))
    fc.assert(
      fc.property(spaced, text => assert.deepEqual(parseExactJson(text), JSON.parse(text))),
      runs(2_000)
    )
    for (const text of [
      '1e2',
      '1.50',
      '-0',
      '0.1',
      '1E+2',
      '5e-324',
      '9007199254740992',
      '1.7976931348623157e308'
    ])
      assert.equal(parseExactJson(text), JSON.parse(text))
    assert.deepEqual(parseExactJson('{"a\\"b:{":"}{[,\\\\"}'), { 'a"b:{': '}{[,\\' })
  })

  it('is refused where a key comes twice in one object, however it is spelled, and not where it comes in two', () => {
    assert.throws(() => parseExactJson('{"a":1,"b":2,"a":3}'), InexactJson)
    assert.throws(() => parseExactJson('{"a":1,"\\u0061":1}'), InexactJson)
    assert.throws(() => parseExactJson('[{"x":{"__proto__":1, "__proto__" : 2}}]'), InexactJson)
    assert.deepEqual(parseExactJson('{"a":{"a":[{"a":1},{"a":"a"}]},"b":{"a":"b"}}'), {
      a: { a: [{ a: 1 }, { a: 'a' }] },
      b: { a: 'b' }
    })
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 8 }), fc.nat(), (keys, index) => {
        const members = [...keys, keys[index % keys.length]].map(key => `${JSON.stringify(key)}:0`)
        assert.throws(() => parseExactJson(`{${members.join(',')}}`), InexactJson)
      }),
      runs(500)
    )
  })

  it('is refused where a number would become another one', () => {
    for (const token of [
      '12345678901234567890',
      '9007199254740993',
      '0.1000000000000000055',
      '1e400',
      '-1e309',
      '1e-400',
      '3.141592653589793238',
      `1${'0'.repeat(400)}`
    ])
      for (const text of [token, `[${token}]`, `{"a":${token}}`])
        assert.throws(() => parseExactJson(text), InexactJson, text)
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), number => {
        const isExact = BigInt(Number(number)) === number && String(Number(number)).length < 25
        let isTaken = true
        try {
          parseExactJson(`[${number}]`)
        } catch (error) {
          assert.ok(error instanceof InexactJson)
          isTaken = false
        }
        // What a double shows of itself is what is signed: it may be shorter than its exact value.
        if (isTaken) assert.equal(BigInt(Number(number)), number)
        if (isExact && number < 2n ** 53n && number > -(2n ** 53n)) assert.ok(isTaken)
      }),
      runs(2_000)
    )
  })

  it('takes time in proportion to its length, and no stack', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    assert.ok(Array.isArray(parseExactJson(deep)))
    assert.throws(() => parseExactJson(`0.${'0'.repeat(1_000_000)}1`), InexactJson)
    assert.equal(parseExactJson(JSON.stringify('\\"'.repeat(500_000))), '\\"'.repeat(500_000))
  })

  it('is no JSON where JSON.parse says so', () => {
    for (const text of ['', '{', '{"a":1,}', '01', '+1', '1.', '"\n"', "{'a':1}", '\ufeff{}'])
      assert.throws(() => parseExactJson(text), SyntaxError, text)
  })
})
