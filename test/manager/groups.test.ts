import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describeGroups, type Groups, groupsAmong, parseGroups } from '#tools/manager/groups.js'
import { runs } from '../helpers/core.js'

function why(read: ReturnType<typeof parseGroups>): string {
  return read.ok ? assert.fail(describeGroups(read.groups)) : read.why
}

function groups(read: ReturnType<typeof parseGroups>): Groups {
  return read.ok ? read.groups : assert.fail(read.why)
}

describe('groups of a divided network', () => {
  it('are read as people write them', () => {
    assert.deepEqual(groups(parseGroups('1,2,3/4,5,6')), [
      [1, 2, 3],
      [4, 5, 6]
    ])
    assert.deepEqual(groups(parseGroups('1-3/4-4,6/5')), [[1, 2, 3], [4, 6], [5]])
    assert.deepEqual(groups(parseGroups('1, 2 / 3')), [[1, 2], [3]])
  })

  for (const text of ['', '/', '1//2', '1,/2', '0/1', 'a/b', '1.5', '3-1', '1-', '-1', '99999', '1 2'])
    it(`are not "${text}"`, () => assert.match(why(parseGroups(text)), /groups are written as 1,2,3\/4,5,6/))

  for (const text of ['1,1', '1,2/2', '1-3/3-5'])
    it(`do not overlap, as in ${text}`, () => assert.match(why(parseGroups(text)), /is named twice/))

  it('of a network have nodes that are there, and divide it', () => {
    assert.match(why(groupsAmong([[1], [7]], 6)), /there is no node 7; the nodes are 1 to 6/)
    assert.match(why(groupsAmong([[1, 2, 3]], 3)), /divides nothing/)
    assert.match(why(groupsAmong([[1], []], 3)), /has no node/)
    assert.match(why(groupsAmong([[0], [1]], 3)), /no node 0/)
  })

  it('take in who was not named, as one more group', () => {
    assert.deepEqual(groups(groupsAmong([[2, 3]], 5)), [
      [2, 3],
      [1, 4, 5]
    ])
    assert.deepEqual(groups(groupsAmong([[1], [2], [3]], 3)), [[1], [2], [3]])
  })

  it('any at all: refused, or each node is in one', () => {
    const any = fc.array(fc.array(fc.integer({ min: -1, max: 9 }), { maxLength: 4 }), { maxLength: 4 })
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 8 }), (named, count) => {
        const read = groupsAmong(named, count)
        if (!read.ok) return
        const nodes = Array.from({ length: count }, (_, index) => index + 1)
        assert.deepEqual(
          read.groups.flat().sort((a, b) => a - b),
          nodes
        )
        assert.ok(read.groups.length > 1)
        assert.deepEqual(groups(parseGroups(describeGroups(read.groups))), read.groups)
      }),
      runs(500)
    )
  })
})
