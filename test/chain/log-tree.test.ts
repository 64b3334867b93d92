import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LogTree } from '#src/chain/log-tree.js'
import { type Database, keys, StoreError, writeDurably } from '#src/chain/store.js'
import { type Hash, toHex } from '#src/core/bytes.js'
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
import { runs } from '../helpers/core.js'
import { memoryDatabase } from '../helpers/memory-database.js'

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

  /** What a database holds, by key in hex. */
  async function contents(holding: Database): Promise<ReadonlyMap<string, string>> {
    const entries = await holding.iterator().all()
    return new Map(entries.map(([key, value]) => [toHex(key), toHex(value)]))
  }

  /** The same leaves, tiles and roots as of a tree that was never larger, and the same once other leaves follow. */
  async function expectAnew(cut: LogTree, holding: Database, others: readonly Hash[]): Promise<void> {
    const { size } = cut
    const anewIn = await memoryDatabase()
    const anew = await grow(anewIn, LogTree.empty(anewIn), size)
    assert.deepEqual(await contents(holding), await contents(anewIn), `tiles of ${size}`)
    assert.equal(cut.fullTiles, anew.fullTiles)
    if (size > 0) assertBytes(cut.subtree(0, size), anew.subtree(0, size), `root of ${size}`)
    for (const index of [0, 1, 255, 256, 257, 65_535, size - 1].filter(index => 0 <= index && index < size))
      assertBytes(cut.subtree(index, index + 1), present(LEAVES[index]), `leaf ${index} of ${size}`)
    const [grown, expected] = [cut.extend(others), anew.extend(others)]
    await writeDurably(holding, grown.writes)
    await writeDurably(anewIn, expected.writes)
    assert.deepEqual(await contents(holding), await contents(anewIn), `tiles of ${size} and others`)
    const whole = size + others.length
    assertBytes(grown.tree.subtree(0, whole), expected.tree.subtree(0, whole), `root of ${size} and others`)
  }

  for (const { what, from, to } of [
    { what: 'all small sizes', from: [1, 2, 3, 9, 40], to: [...Array(41).keys()] },
    {
      what: 'sizes around its tiles',
      from: [255, 256, 257, 511, 512, 600],
      to: [0, 1, 128, 254, 255, 256, 257, 400, 510, 511, 512]
    },
    { what: 'sizes around 256 tiles', from: [65_536, MOST], to: [256, 65_280, 65_535, 65_536] }
  ])
    it(`that was cut is the tree that was never larger: ${what}`, async () => {
      const others = LEAVES.slice(0, 300).toReversed()
      for (const large of from) {
        const holding = await memoryDatabase()
        const tree = await grow(holding, LogTree.empty(holding), large)
        const whole = await holding.iterator().all()
        for (const small of to.filter(size => size <= large)) {
          const cut = tree.truncate(small)
          await writeDurably(holding, cut.writes)
          await expectAnew(cut.tree, holding, others)
          await holding.clear()
          await holding.batch(whole.map(([key, value]) => ({ type: 'put', key, value })))
        }
      }
    })

  it('cannot be cut to more than there is', async () => {
    const tree = await grow(database, LogTree.empty(database), 10)
    assert.throws(() => tree.truncate(11), RangeError)
  })

  it('cut and grown again and again, is the tree of the leaves that are left', async () => {
    const step = fc.record({
      keep: fc.double({ min: 0, max: 1, noNaN: true }),
      add: fc.nat(400),
      from: fc.nat(9_000)
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async steps => {
        const holding = await memoryDatabase()
        let tree = LogTree.empty(holding)
        let leaves: readonly Hash[] = []
        for (const { keep, add, from } of steps) {
          const size = Math.floor(keep * leaves.length)
          const added = LEAVES.slice(from, from + add)
          leaves = [...leaves.slice(0, size), ...added]
          const cut = tree.truncate(size)
          const grown = cut.tree.extend(added)
          // In one batch, as a reorg writes them.
          await writeDurably(holding, [...cut.writes, ...grown.writes])
          tree = grown.tree
        }
        if (leaves.length > 0) assertBytes(tree.subtree(0, leaves.length), rootOf(leaves))
        assert.equal((await holding.keys().all()).length, tree.fullTiles)
      }),
      runs(60)
    )
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
