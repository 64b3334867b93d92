import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LogTree } from '#src/chain/log-tree.js'
import { type Database, keys, StoreError, writeDurably } from '#src/chain/store.js'
import type { Hash } from '#src/core/bytes.js'
import {
  consistencyPath,
  Frontier,
  inclusionPath,
  leafHash,
  rootOf,
  subtreeOf,
  verifyConsistency,
  verifyInclusion
} from '#src/core/merkle.js'
import { assertBytes } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'

/** The largest tree of these tests: beyond 256 full tiles, so that the third level begins. */
const MOST = 65_537 + 300

const LEAVES: readonly Hash[] = Array.from({ length: MOST }, (_, index) => {
  const data = Buffer.alloc(8)
  data.writeUIntBE(index, 0, 6)
  return leafHash(data)
})

async function grow(database: Database, tree: LogTree, size: number): Promise<LogTree> {
  const extended = tree.extend(LEAVES.slice(tree.size, size))
  await writeDurably(database, extended.writes)
  return extended.tree
}

describe('the log tree in tiles', () => {
  const cleanup = new Cleanup(afterEach)
  let database: Database

  beforeEach(async () => {
    database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
  })

  it('gives the root of RFC 6962 for every size up to 600, grown leaf by leaf', async () => {
    let tree = LogTree.empty(database)
    let frontier = Frontier.empty
    for (let size = 1; size <= 600; size += 1) {
      tree = await grow(database, tree, size)
      frontier = frontier.append(present(LEAVES[size - 1]))
      assertBytes(tree.subtree(0, size), frontier.root(), `size ${size}`)
    }
    assertBytes(frontier.root(), rootOf(LEAVES.slice(0, 600)))
  })

  it('gives roots, edges and proofs at the sizes around its tiles', async () => {
    const sizes = [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, MOST]
    let tree = LogTree.empty(database)
    const roots = new Map<number, Hash>()
    for (const size of sizes) {
      tree = await grow(database, tree, size)
      assert.equal(tree.size, size)
      const leaves = LEAVES.slice(0, size)
      const root = rootOf(leaves)
      roots.set(size, root)
      assertBytes(tree.subtree(0, size), root, `root of ${size}`)
      assertBytes(Frontier.at(size, tree.subtree).root(), root, `edge of ${size}`)
      assertBytes(Frontier.empty.appendAll(leaves).root(), root)
      const around = [0, 1, 254, 255, 256, 257, 511, 512, 65_279, 65_280, 65_535, 65_536, size - 1]
      for (const index of around.filter(index => index < size)) {
        const path = inclusionPath(index, size, tree.subtree)
        assert.ok(verifyInclusion(present(leaves[index]), index, size, path, root), `${index} of ${size}`)
      }
      for (const [from, older] of roots) {
        const path = consistencyPath(from, size, tree.subtree)
        assert.ok(verifyConsistency(from, older, size, root, path), `${from} to ${size}`)
      }
    }
  })

  it('does not depend on how the leaves came in: one by one, in blocks or all at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 }),
        async steps => {
          await database.clear()
          let tree = LogTree.empty(database)
          for (const step of steps) tree = await grow(database, tree, tree.size + step)
          const size = tree.size
          assertBytes(tree.subtree(0, size), rootOf(LEAVES.slice(0, size)))
          const tiles = await database.keys().all()
          assert.equal(tiles.length, Math.floor(size / 256))
        }
      ),
      { numRuns: 30 }
    )
  })

  it('gives any subtree, as a tree in memory does', async () => {
    const tree = await grow(database, LogTree.empty(database), 1500)
    const expected = subtreeOf(LEAVES.slice(0, 1500))
    fc.assert(
      fc.property(fc.nat(1499), fc.nat(1499), (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b) + 1]
        assertBytes(tree.subtree(start, end), expected(start, end), `${start} to ${end}`)
      }),
      { numRuns: 100 }
    )
  })

  it('gives the older roots of a log that has grown', async () => {
    const tree = await grow(database, LogTree.empty(database), 1030)
    for (const size of [1, 7, 255, 256, 257, 512, 1023, 1024, 1025])
      assertBytes(Frontier.at(size, tree.subtree).root(), rootOf(LEAVES.slice(0, size)))
  })

  it('is a value: an older tree stays what it was, whatever is made of it', async () => {
    const older = await grow(database, LogTree.empty(database), 250)
    const root = older.subtree(0, 250)
    older.extend(LEAVES.slice(0, 3))
    const newer = await grow(database, older, 700)
    assert.equal(older.size, 250)
    assertBytes(older.subtree(0, 250), root)
    assertBytes(newer.subtree(0, 700), rootOf(LEAVES.slice(0, 700)))
  })

  it('a range that holds no leaf, or more than there are, is a RangeError', async () => {
    const tree = await grow(database, LogTree.empty(database), 10)
    for (const [start, end] of [
      [0, 0],
      [5, 5],
      [6, 5],
      [-1, 5],
      [0, 11],
      [Number.NaN, 5]
    ] as const)
      assert.throws(() => tree.subtree(start, end), RangeError, `${start} to ${end}`)
  })

  for (const [what, damage] of [
    ['missing', () => database.del(keys.tile(0, 1))],
    ['too short', () => database.put(keys.tile(0, 1), new Uint8Array(8191))]
  ] as const)
    it(`a tile that is ${what} is a StoreError`, async () => {
      const tree = await grow(database, LogTree.empty(database), 1000)
      await damage()
      assert.throws(() => tree.subtree(300, 301), StoreError)
    })
})
