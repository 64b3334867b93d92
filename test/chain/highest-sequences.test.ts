import assert from 'node:assert/strict'
import fc from 'fast-check'
import { HighestSequences } from '#src/chain/highest-sequences.js'
import type { PeerIdBytes } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'

const author = (number: number): PeerIdBytes => {
  const bytes = Buffer.alloc(38)
  bytes.writeUInt32BE(number)
  return bytes as Uint8Array as PeerIdBytes
}

describe('the highest sequences', () => {
  it('never call new what was added, in whatever order', () => {
    const added = fc.array(fc.tuple(fc.nat(3), fc.bigInt({ min: 1n, max: 40n })))
    fc.assert(
      fc.property(added, fc.nat(3), fc.bigInt({ min: 1n, max: 41n }), (pairs, who, sequence) => {
        const highest = new HighestSequences()
        for (const [name, each] of pairs) highest.add(author(name), each)
        const isAbove = pairs.every(([name, each]) => name !== who || each < sequence)
        assert.equal(highest.isNew(author(who), sequence), isAbove)
      })
    )
  })

  it('know nothing once there are too many authors', () => {
    const highest = new HighestSequences()
    for (let number = 0; number < LIMITS.rememberedAuthors; number += 1) highest.add(author(number), 1n)
    assert.equal(highest.isNew(author(0), 2n), true)
    highest.add(author(LIMITS.rememberedAuthors), 1n)
    for (const number of [0, LIMITS.rememberedAuthors, LIMITS.rememberedAuthors + 1])
      assert.equal(highest.isNew(author(number), 2n), false)
  })
})
