import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Recent } from '#src/core/recent.js'
import { runs } from '../helpers/core.js'

describe('What came last', () => {
  it('is remembered, so much of it, and what came before that is new again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.constantFrom(...'abcdefgh')),
        (limit, names) => {
          const recent = new Recent(limit)
          let expected: string[] = []
          for (const name of names) {
            const isNew = !expected.includes(name)
            if (isNew) expected = [...expected, name].slice(-limit)
            assert.equal(recent.has(name), !isNew)
            assert.equal(recent.add(name), isNew)
          }
        }
      ),
      runs(300)
    )
  })
})
