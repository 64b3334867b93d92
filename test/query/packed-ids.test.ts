import assert from 'node:assert/strict'
import { type Hash, toHex } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { PackedIds } from '#src/query/packed-ids.js'

const idOf = (number: number): Hash => sha256(Uint8Array.of(number >> 16, number >> 8, number))

function filled(from: number, to: number, ids = new PackedIds()): PackedIds {
  for (let number = from; number < to; number += 1) ids.push(idOf(number))
  return ids
}

/** All of them, in hex. */
function listed(ids: PackedIds): string[] {
  return Array.from({ length: ids.length }, (_, index) => toHex(ids.at(index) ?? new Uint8Array(0)))
}

const expected = (...numbers: readonly number[]): string[] => numbers.map(number => toHex(idOf(number)))
const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index)

describe('packed ids', () => {
  it('are given back in their order, however many, and none beyond the last', () => {
    const ids = filled(0, 3_000)
    assert.deepEqual(listed(ids), expected(...upTo(3_000)))
    assert.deepEqual([ids.at(3_000), ids.at(-1)], [undefined, undefined])
    assert.ok(ids.holds(2_999, idOf(2_999)) && !ids.holds(2_999, idOf(0)) && !ids.holds(3_000, idOf(3_000)))
  })

  it('go on from where they were cut', () => {
    const ids = filled(0, 2_500)
    ids.truncate(1_500)
    filled(7_000, 7_003, ids)
    assert.deepEqual(listed(ids), expected(...upTo(1_500), 7_000, 7_001, 7_002))
    ids.truncate(0)
    assert.deepEqual(listed(filled(9, 10, ids)), expected(9))
  })

  it('share their memory with others until one of the two goes on, and change nothing of the other', () => {
    const one = filled(0, 2_500)
    const other = new PackedIds()
    other.become(one, 1_200)
    filled(8_000, 8_002, other)
    filled(2_500, 2_502, one)
    assert.deepEqual(listed(other), expected(...upTo(1_200), 8_000, 8_001))
    assert.deepEqual(listed(one), expected(...upTo(2_502)))
    one.truncate(1_100)
    filled(6_000, 6_001, one)
    assert.deepEqual(listed(other), expected(...upTo(1_200), 8_000, 8_001))
    assert.deepEqual(listed(one), expected(...upTo(1_100), 6_000))
  })
})
