import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  compactFromText,
  compactToText,
  decodeCompact,
  encodeCompact,
  workOf
} from '#src/orderings/proof-of-work/compact-target.js'
import { runs, vectors } from '../../helpers/core.js'

interface Published {
  readonly compact: readonly {
    readonly nbits: string
    readonly target_hex: string | null
    readonly reencoded: string | null
    readonly negative: boolean
  }[]
  readonly encode_only: readonly { readonly target_hex: string; readonly nbits: string }[]
}

const published = vectors<Published>('pow/compact_and_retarget.json')
const SPACE = 1n << 256n
const targets = fc
  .tuple(fc.bigInt({ min: 1n, max: SPACE - 1n }), fc.integer({ min: 0, max: 255 }))
  .map(([number, shift]) => number >> BigInt(shift))
  .filter(number => number > 0n)

describe('Compact targets', () => {
  it('are read as published where they are the one form of a target, and else not at all', () => {
    let read = 0
    for (const { nbits, target_hex, reencoded, negative } of published.compact) {
      const target = target_hex === null ? undefined : BigInt(`0x${target_hex}`)
      const isTarget = target !== undefined && target > 0n && !negative && reencoded === nbits
      assert.equal(decodeCompact(Number(nbits)), isTarget ? target : undefined, nbits)
      if (isTarget) read += 1
    }
    assert.deepEqual([read, published.compact.length], [4, 20])
  })

  it('are written as published', () => {
    const written = published.compact.filter(({ target_hex, negative }) => target_hex !== null && !negative)
    for (const { target_hex, nbits } of [
      ...written.map(({ target_hex, reencoded }) => ({ target_hex, nbits: reencoded })),
      ...published.encode_only
    ])
      assert.equal(encodeCompact(BigInt(`0x${target_hex}`)), Number(nbits), `${target_hex}`)
  })

  it('each stand for one number, and that number for them', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), targets.map(encodeCompact)), compact => {
        const target = decodeCompact(compact)
        if (target === undefined) return
        assert.ok(target > 0n && target < SPACE)
        assert.equal(encodeCompact(target), compact)
      }),
      runs(2000)
    )
  })

  it('round a number down, by less than a part in 32,768', () => {
    fc.assert(
      fc.property(targets, target => {
        const rounded = decodeCompact(encodeCompact(target))
        assert.ok(rounded !== undefined && rounded <= target)
        assert.ok((target - rounded) * 32_768n < target)
      }),
      runs(2000)
    )
  })

  it('grow with what they stand for', () => {
    fc.assert(
      fc.property(targets, targets, (one, other) => {
        const [low, high] = one < other ? [one, other] : [other, one]
        assert.ok(encodeCompact(low) <= encodeCompact(high))
      }),
      runs(1000)
    )
  })

  it('reach to both ends: 1, and the largest below 2^256', () => {
    assert.deepEqual([0x01010000, 0x2100ffff, 0x21010000, 0x22000001, 0xffffffff].map(decodeCompact), [
      1n,
      0xffffn << 240n,
      undefined,
      undefined,
      undefined
    ])
    assert.equal(encodeCompact(SPACE - 1n), 0x2100ffff)
  })

  it('have eight hex digits in a network document', () => {
    for (const text of ['1e00ffff', '207fffff', '01010000', '2100ffff'])
      assert.equal(compactToText(compactFromText(text)), text)
  })

  it('the work that a target stands for is how many hashes it takes on average', () => {
    assert.deepEqual([SPACE - 1n, SPACE / 2n - 1n, SPACE / 1_000n - 1n, (1n << 224n) - 1n, 1n].map(workOf), [
      1n,
      2n,
      1_000n,
      1n << 32n,
      SPACE / 2n
    ])
  })
})
