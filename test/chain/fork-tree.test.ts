import assert from 'node:assert/strict'
import { type ForkNode, ForkTree } from '#src/chain/fork-tree.js'
import { present } from '../helpers/changes.js'
import { type BlockWishes, ForkMaker, GENESIS } from '../helpers/fork-maker.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

const NONE: ReadonlySet<string> = new Set()

describe('the room for blocks beside the main chain', () => {
  const net = makeWorkNetwork()
  let maker: ForkMaker
  let tree: ForkTree

  beforeEach(async () => {
    maker = await ForkMaker.create(net)
    tree = new ForkTree(maker.cursorOf(GENESIS), net.rules.ordering, 3)
  })

  function nodeOf(name: string): ForkNode {
    return present(tree.get(maker.idOf(name)), name)
  }

  function namesOf(nodes: readonly ForkNode[] | undefined): readonly string[] | undefined {
    return nodes?.map(({ cursor }) => maker.nameOf(cursor.signed.id))
  }

  function extend(name: string, wishes: BlockWishes = {}): readonly string[] | undefined {
    maker.make(name, wishes)
    const node = tree.add(nodeOf(wishes.on ?? GENESIS), maker.cursorOf(name), NONE)
    return namesOf(tree.follow(tree.reorgTo(node), new Map()))
  }

  /** What is dropped for a block beside, which is kept; undefined where it is not. */
  function beside(name: string, wishes: BlockWishes): readonly string[] | undefined {
    maker.make(name, wishes)
    const parent = nodeOf(wishes.on ?? GENESIS)
    const dropped = tree.makeRoom(parent, maker.weightOf(name))
    if (dropped !== undefined) tree.add(parent, maker.cursorOf(name), NONE)
    return namesOf(dropped)
  }

  it('is made by letting the lightest branches go, and not for a block that is lighter than all of them', () => {
    for (const [name, on] of [
      ['a1', GENESIS],
      ['a2', 'a1'],
      ['a3', 'a2'],
      ['a4', 'a3']
    ] as const)
      extend(name, { on })
    assert.deepEqual(beside('b1', { above: 'a1', after: 1 }), [])
    assert.deepEqual(beside('b2', { on: 'b1' }), [])
    assert.deepEqual(beside('c3', { on: 'a2', above: 'a3' }), [])
    // 48 against 38 and 48: b2 goes, and b1 is a tip then.
    assert.deepEqual(beside('d3', { on: 'a2', above: 'c3', after: 999 }), ['b2'])
    assert.deepEqual(beside('d4', { on: 'd3' }), ['b1'])
    assert.equal(beside('e1', { after: 998 }), undefined, 'of 16, lighter than c3 and d4')
    assert.equal(tree.get(maker.idOf('e1')), undefined)
    // Its own parent is a tip too, and would be lost for it.
    assert.deepEqual(beside('c4', { on: 'c3', above: 'a4' }), ['d4'])
  })

  it('is not exceeded by what a reorg puts beside either', () => {
    for (const [name, on] of [
      ['a1', GENESIS],
      ['a2', 'a1'],
      ['a3', 'a2'],
      ['a4', 'a3']
    ] as const)
      extend(name, { on })
    beside('b1', { above: 'a1', after: 1 })
    beside('b2', { on: 'b1', after: 1 })
    const dropped = extend('b3', { on: 'b2', after: 1 })
    assert.deepEqual(dropped, ['a4'], 'a1 to a3 are left beside')
    assert.equal(tree.get(maker.idOf('a4')), undefined)
    assert.equal(tree.head.cursor.signed.header.height, 3)
  })
})
