import assert from 'node:assert/strict'
import fc from 'fast-check'
import { toHex } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { limitOf, NONCE_BYTES, search } from '#src/orderings/proof-of-work/search.js'
import { arbitrary, fromHex, runs } from '../../helpers/core.js'

const SPACE = 1n << 256n

function numberOf(header: Uint8Array): bigint {
  return BigInt(`0x${toHex(sha256(header))}`)
}

function nonceOf(header: Uint8Array): string {
  return toHex(header.slice(-NONCE_BYTES))
}

function headerWith(nonce: string): Uint8Array {
  return fromHex(`${'5a'.repeat(50)}${nonce}`)
}

describe('The search for a nonce', () => {
  const headers = arbitrary.bytes(NONCE_BYTES, 300)

  it('finds the first nonce whose hash is not over the target, and leaves it in the header', () => {
    const targets = fc.bigInt({ min: SPACE / 200n, max: SPACE - 1n })
    fc.assert(
      fc.property(headers, targets, (header, target) => {
        const start = BigInt(`0x${nonceOf(header)}`)
        const before = toHex(header.slice(0, -NONCE_BYTES))
        const tried = search(header, limitOf(target), 100_000)
        assert.ok(tried !== undefined)
        assert.equal(toHex(header.slice(0, -NONCE_BYTES)), before, 'all else is as it was')
        assert.ok(numberOf(header) <= target)
        for (let step = 0; step < tried - 1; step += 1) {
          const nonce = BigInt.asUintN(128, start + BigInt(step))
            .toString(16)
            .padStart(32, '0')
          assert.ok(numberOf(fromHex(before + nonce)) > target, 'none that came before it')
        }
      }),
      runs(200)
    )
  })

  it('takes a hash that is exactly the target, and none that is one more', () => {
    fc.assert(
      fc.property(headers, header => {
        const number = numberOf(header)
        assert.equal(search(header, limitOf(number), 1), 1)
        assert.equal(search(Uint8Array.from(header), limitOf(number - 1n), 1), undefined)
      }),
      runs(200)
    )
  })

  it('tries no more than it may, and goes on from where it was', () => {
    const header = headerWith('00'.repeat(16))
    assert.equal(search(header, limitOf(0n), 1000), undefined)
    assert.equal(nonceOf(header), '000000000000000000000000000003e8')
    assert.equal(search(header, limitOf(0n), 0), undefined)
    assert.equal(nonceOf(header), '000000000000000000000000000003e8')
  })

  it('goes on in the extra nonce when the 8 bytes in which it counts are used up', () => {
    const header = headerWith('00000000000000ffffffffffffffffff')
    assert.equal(search(header, limitOf(0n), 2), undefined)
    assert.equal(nonceOf(header), '00000000000001000000000000000001')
  })

  it('begins again at zero after the last nonce there is, and touches nothing before it', () => {
    const header = headerWith('ff'.repeat(16))
    assert.equal(search(header, limitOf(0n), 1), undefined)
    assert.equal(toHex(header), toHex(headerWith('00'.repeat(16))))
  })
})
