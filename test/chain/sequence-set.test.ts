import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SequenceSet } from '#src/chain/sequence-set.js'
import type { PeerIdBytes } from '#src/core/bytes.js'
import { runs } from '../helpers/core.js'

const author = (name: string): PeerIdBytes => Buffer.from(name) as Uint8Array as PeerIdBytes

describe('a set of sequences', () => {
  it('knows what was added, by author, in whatever order it came', () => {
    const additions = fc.array(fc.tuple(fc.constantFrom('alice', 'bob'), fc.bigInt({ min: 1n, max: 30n })))
    fc.assert(
      fc.property(additions, added => {
        const set = new SequenceSet()
        const known = new Set<string>()
        for (const [name, sequence] of added) {
          const isNew = !known.has(`${name} ${sequence}`)
          assert.equal(set.add(author(name), sequence), isNew)
          known.add(`${name} ${sequence}`)
        }
      }),
      runs(500)
    )
  })

  it('takes the ends of what a sequence may be', () => {
    const set = new SequenceSet()
    for (const sequence of [1n, 2n ** 64n - 1n, 2n ** 64n - 2n]) {
      assert.ok(set.add(author('alice'), sequence))
      assert.ok(!set.add(author('alice'), sequence))
    }
  })
})
