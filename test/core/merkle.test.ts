import assert from 'node:assert/strict'
import fc from 'fast-check'
import { asHash, concat, equal, HASH_LENGTH, type Hash, utf8 } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import {
  consistencyPath,
  EMPTY_ROOT,
  Frontier,
  inclusionPath,
  leafHash,
  nodeHash,
  rootOf,
  type SubtreeRoot,
  splitPoint,
  subtreeOf,
  verifyConsistency,
  verifyInclusion
} from '#src/core/merkle.js'
import { assertSame, flipped, fromHex, runs, vectors } from '../helpers/core.js'

/** Large enough to go through every shape a tree of seven levels can have. */
const LARGEST = 70

interface ReferenceTree {
  readonly leaf_inputs_hex: readonly string[]
  readonly node_hashes_by_level: readonly (readonly string[])[]
  readonly root_by_size_0_to_8: readonly string[]
}

interface InclusionVector {
  readonly file: string
  readonly leafIdx: number
  readonly treeSize: number
  readonly root: string
  readonly leafHash: string
  /** null: no hashes. */
  readonly proof: readonly string[] | null
  readonly wantErr: boolean
}

interface ConsistencyVector {
  readonly file: string
  readonly size1: number
  readonly size2: number
  readonly root1: string
  readonly root2: string
  /** null: no hashes. */
  readonly proof: readonly string[] | null
  readonly wantErr: boolean
}

const leaves = Array.from({ length: LARGEST }, (_, index) => leafHash(utf8(`leaf ${index}`)))
const subtree = subtreeOf(leaves)
const roots = Array.from({ length: LARGEST + 1 }, (_, size) => rootOf(leaves.slice(0, size)))
const sizes = Array.from({ length: LARGEST }, (_, index) => index + 1)
const stranger = leafHash(utf8('a leaf of no tree'))

function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  assert.ok(item !== undefined)
  return item
}

function hash(hex: string): Hash {
  return asHash(fromHex(hex))
}

/**
 * In some vectors a word stands where a hash belongs. Our decoders refuse those before any proof is looked
 * at; where the vector is one to accept, the SHA-256 of the word stands for it.
 */
function hashesOf(base64: readonly string[], wantErr: boolean): Hash[] | undefined {
  const found = base64.map(text => Uint8Array.from(Buffer.from(text, 'base64')))
  const isHash = (bytes: Uint8Array) => bytes.length === HASH_LENGTH
  if (wantErr && !found.every(isHash)) return undefined
  return found.map(bytes => (isHash(bytes) ? asHash(bytes) : sha256(bytes)))
}

/** Every path that differs from the given one by one node or one bit. */
function spoiled(path: readonly Hash[]): { what: string; path: Hash[] }[] {
  return [
    { what: 'a node more at the end', path: [...path, stranger] },
    { what: 'a node more at the start', path: [stranger, ...path] },
    ...path.flatMap((node, index) => [
      { what: `node ${index} twice`, path: path.toSpliced(index, 0, node) },
      { what: `without node ${index}`, path: path.toSpliced(index, 1) },
      { what: `first bit of node ${index}`, path: path.with(index, asHash(flipped(node, 0, 0x80))) },
      { what: `last bit of node ${index}`, path: path.with(index, asHash(flipped(node, 31))) }
    ])
  ]
}

/** A tree in which all leaves are alike, so that trees of any size cost next to nothing. */
function uniform(): SubtreeRoot {
  const known = new Map<number, Hash>([[1, leafHash(utf8('all alike'))]])
  const root = (size: number): Hash => {
    const split = splitPoint(size)
    const found = known.get(size) ?? nodeHash(root(split), root(size - split))
    known.set(size, found)
    return found
  }
  return (start, end) => root(end - start)
}

describe('Merkle trees: the published vectors', () => {
  const tree = vectors<ReferenceTree>('rfc6962/reference_tree.json')

  it('hash the leaves and nodes of the RFC 6962 reference tree', () => {
    const levels = tree.node_hashes_by_level.map(level => level.map(hash))
    assertSame(tree.leaf_inputs_hex.map(fromHex).map(leafHash), at(levels, 0))
    levels.slice(1).forEach((level, below) => {
      const nodes = level.map((_, index) =>
        nodeHash(at(at(levels, below), 2 * index), at(at(levels, below), 2 * index + 1))
      )
      assertSame(nodes, level)
    })
  })

  it('give its root for each size from 0 to 8', () => {
    const inputs = tree.leaf_inputs_hex.map(fromHex).map(leafHash)
    tree.root_by_size_0_to_8.forEach((root, size) => {
      assertSame(rootOf(inputs.slice(0, size)), hash(root))
      assertSame(Frontier.empty.appendAll(inputs.slice(0, size)).root(), hash(root))
    })
    assertSame(EMPTY_ROOT, hash(at(tree.root_by_size_0_to_8, 0)))
  })

  for (const { file, leafIdx, treeSize, ...vector } of vectors<InclusionVector[]>(
    'rfc6962/all_inclusion.json'
  ))
    it(`${vector.wantErr ? 'refuse' : 'accept'} ${file}`, () => {
      const texts = [vector.leafHash, vector.root, ...(vector.proof ?? [])]
      const [leaf, root, ...path] = hashesOf(texts, vector.wantErr) ?? []
      const ok = leaf && root && verifyInclusion(leaf, leafIdx, treeSize, path, root)
      assert.equal(ok ?? false, !vector.wantErr)
    })

  for (const { file, size1, size2, ...vector } of vectors<ConsistencyVector[]>(
    'rfc6962/all_consistency.json'
  ))
    it(`${vector.wantErr ? 'refuse' : 'accept'} ${file}`, () => {
      const texts = [vector.root1, vector.root2, ...(vector.proof ?? [])]
      const [older, newer, ...path] = hashesOf(texts, vector.wantErr) ?? []
      const ok = older && newer && verifyConsistency(size1, older, size2, newer, path)
      assert.equal(ok ?? false, !vector.wantErr)
    })
})

describe(`Merkle trees: inclusion, every leaf of every size up to ${LARGEST}`, () => {
  const everyLeaf = function* () {
    for (const size of sizes)
      for (let index = 0; index < size; index++)
        yield { size, index, leaf: at(leaves, index), root: at(roots, size) }
  }

  it('each leaf has a path that verifies', () => {
    for (const { size, index, leaf, root } of everyLeaf())
      assert.ok(verifyInclusion(leaf, index, size, inclusionPath(index, size, subtree), root))
  })

  it('a path with one node more, one fewer or one bit turned is refused', () => {
    for (const { size, index, leaf, root } of everyLeaf())
      for (const { what, path } of spoiled(inclusionPath(index, size, subtree)))
        assert.ok(!verifyInclusion(leaf, index, size, path, root), `leaf ${index} of ${size}: ${what}`)
  })

  it('a path serves no other index', () => {
    for (const { size, index, leaf, root } of everyLeaf()) {
      const path = inclusionPath(index, size, subtree)
      for (let other = 0; other < size; other++)
        assert.equal(verifyInclusion(leaf, other, size, path, root), other === index)
    }
  })

  it('a path serves no other leaf and no other root', () => {
    for (const { size, index, leaf, root } of everyLeaf()) {
      const path = inclusionPath(index, size, subtree)
      assert.ok(!verifyInclusion(asHash(flipped(leaf, 5)), index, size, path, root))
      assert.ok(!verifyInclusion(leaf, index, size, path, asHash(flipped(root, 5))))
    }
  })

  it('no path, its own included, serves an index past the last leaf, a negative or a broken one', () => {
    for (const { size, index, leaf, root } of everyLeaf()) {
      const path = inclusionPath(index, size, subtree)
      for (const wrong of [size, size + index, -1, -index - 1, index + 0.5, Number.NaN, 2 ** 53])
        assert.ok(!verifyInclusion(leaf, wrong, size, path, root))
    }
  })

  it('no path serves a tree without leaves, or a size that is no count', () => {
    for (const size of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      assert.ok(!verifyInclusion(at(leaves, 0), 0, size, [], at(leaves, 0)))
    assert.ok(!verifyInclusion(EMPTY_ROOT, 0, 0, [], EMPTY_ROOT))
  })

  it('an inner node does not pass for a leaf', () => {
    for (const size of sizes.filter(size => size >= 2)) {
      const [left, right, ...rest] = leaves.slice(0, size)
      assert.ok(left && right)
      const path = inclusionPath(0, size, subtree).slice(1)
      assert.ok(!verifyInclusion(nodeHash(left, right), 0, size, path, at(roots, size)))
      // Domain separation: the same 64 bytes as a leaf's data give another hash.
      const asData = leafHash(concat(left, right))
      assert.ok(!equal(asData, nodeHash(left, right)))
      assert.ok(!equal(rootOf([asData, ...rest]), at(roots, size)))
    }
  })

  it('no path is made for a leaf that is not there', () => {
    for (const index of [-1, 5, 6, Number.NaN])
      assert.throws(() => inclusionPath(index, 5, subtree), RangeError)
    assert.throws(() => inclusionPath(0, 0, subtree), RangeError)
    assert.throws(() => inclusionPath(0, LARGEST + 1, subtree), RangeError)
  })
})

describe(`Merkle trees: consistency, every pair of sizes up to ${LARGEST}`, () => {
  const everyPair = function* (from = 1) {
    for (const to of [0, ...sizes])
      for (let older = from; older <= to; older++)
        yield { from: older, to, fromRoot: at(roots, older), toRoot: at(roots, to) }
  }

  it('each pair has a path that verifies', () => {
    for (const { from, to, fromRoot, toRoot } of everyPair(0))
      assert.ok(verifyConsistency(from, fromRoot, to, toRoot, consistencyPath(from, to, subtree)))
  })

  it('a path with one node more, one fewer or one bit turned is refused', () => {
    for (const { from, to, fromRoot, toRoot } of everyPair(0))
      for (const { what, path } of spoiled(consistencyPath(from, to, subtree)))
        assert.ok(!verifyConsistency(from, fromRoot, to, toRoot, path), `${from} to ${to}: ${what}`)
  })

  it('a path serves no other root on either side', () => {
    for (const { from, to, fromRoot, toRoot } of everyPair(0)) {
      const path = consistencyPath(from, to, subtree)
      assert.ok(!verifyConsistency(from, asHash(flipped(fromRoot, 9)), to, toRoot, path))
      // Every log goes on from the empty one, so nothing is shown about the newer root there.
      if (from > 0) assert.ok(!verifyConsistency(from, fromRoot, to, asHash(flipped(toRoot, 9)), path))
    }
  })

  it('a path serves no other pair of sizes', () => {
    for (const { from, to, fromRoot, toRoot } of everyPair()) {
      if (from === to) continue
      const path = consistencyPath(from, to, subtree)
      for (let other = 0; other <= to; other++)
        if (other !== from) assert.ok(!verifyConsistency(other, fromRoot, to, toRoot, path))
      assert.ok(!verifyConsistency(to, toRoot, from, fromRoot, path))
    }
  })

  it('a log that was rewritten does not go on from the old one', () => {
    for (const { from, to, fromRoot } of everyPair()) {
      const rewritten = leaves.slice(0, to).with(from - 1, stranger)
      const path = consistencyPath(from, to, subtreeOf(rewritten))
      assert.ok(!verifyConsistency(from, fromRoot, to, rootOf(rewritten), path))
    }
  })

  it('sizes that are no counts, or go backwards, are refused', () => {
    const root = at(roots, 3)
    for (const [from, to] of [
      [-1, 3],
      [3, -1],
      [1.5, 3],
      [Number.NaN, 3],
      [3, Number.NaN],
      [4, 3],
      [2 ** 53, 2 ** 53]
    ] as const)
      assert.ok(!verifyConsistency(from, root, to, root, []))
    assert.throws(() => consistencyPath(4, 3, subtree), RangeError)
    assert.throws(() => consistencyPath(-1, 3, subtree), RangeError)
  })
})

describe('Merkle trees: the running edge', () => {
  it(`append gives the root of all leaves at every size up to ${LARGEST}`, () => {
    let frontier = Frontier.empty
    assertSame(frontier.root(), EMPTY_ROOT)
    leaves.forEach((leaf, index) => {
      frontier = frontier.append(leaf)
      assert.equal(frontier.size, index + 1)
      assertSame(frontier.root(), at(roots, index + 1))
    })
  })

  it('append leaves the older edge as it was', () => {
    const older = Frontier.at(7, subtree)
    const peaks = [...older.peaks]
    older.appendAll(leaves.slice(7, 12))
    assert.equal(older.size, 7)
    assertSame(older.peaks, peaks)
  })

  it('is the same whether grown leaf by leaf or read off a tree', () => {
    for (const size of [0, ...sizes])
      assertSame(Frontier.at(size, subtree), Frontier.empty.appendAll(leaves.slice(0, size)))
  })

  it('is taken over from the peaks that someone claims, and grows on from there', () => {
    for (const size of [0, ...sizes]) {
      const frontier = Frontier.verified(size, Frontier.at(size, subtree).peaks, at(roots, size))
      assertSame(frontier, Frontier.at(size, subtree))
      assertSame(frontier?.appendAll(leaves.slice(size)).root(), at(roots, LARGEST))
    }
  })

  it('is not taken over with a peak more, a peak fewer or a bit turned', () => {
    for (const size of [0, ...sizes])
      for (const { what, path } of spoiled(Frontier.at(size, subtree).peaks))
        assert.equal(Frontier.verified(size, path, at(roots, size)), undefined, `size ${size}: ${what}`)
  })

  it('is not taken over for another root or another size', () => {
    for (const size of sizes) {
      const { peaks } = Frontier.at(size, subtree)
      assert.equal(Frontier.verified(size, peaks, asHash(flipped(at(roots, size), 0))), undefined)
      for (const wrong of [0, size - 1, size + 1, -size, size + 0.5, Number.NaN, 2 ** 53])
        if (bitsOf(wrong) !== peaks.length)
          assert.equal(Frontier.verified(wrong, peaks, at(roots, size)), undefined, `${size} as ${wrong}`)
    }
  })

  it('is not taken over from peaks that are no hashes', () => {
    const root = at(roots, 3)
    const [first, second] = Frontier.at(3, subtree).peaks
    assert.ok(first && second)
    for (const peak of [new Uint8Array(0), second.subarray(1), Buffer.concat([second, Buffer.alloc(1)])])
      assert.equal(Frontier.verified(3, [first, peak], root), undefined)
  })

  /** Peaks a size has; -1 where it is no size. */
  function bitsOf(size: number): number {
    return Number.isSafeInteger(size) && size >= 0 ? size.toString(2).replaceAll('0', '').length : -1
  }
})

describe('Merkle trees: properties', () => {
  const someLeaves = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 300 })

  it('any leaf of any tree has a path that verifies, of the length its place asks for', () => {
    fc.assert(
      fc.property(someLeaves, fc.nat(), (data, choice) => {
        const tree = data.map(leafHash)
        const index = choice % tree.length
        const path = inclusionPath(index, tree.length, subtreeOf(tree))
        assert.ok(path.length <= Math.ceil(Math.log2(tree.length)))
        assert.ok(verifyInclusion(at(tree, index), index, tree.length, path, rootOf(tree)))
      }),
      runs(200)
    )
  })

  it('any tree goes on from any of its beginnings', () => {
    fc.assert(
      fc.property(someLeaves, fc.nat(), (data, choice) => {
        const tree = data.map(leafHash)
        const from = choice % (tree.length + 1)
        const path = consistencyPath(from, tree.length, subtreeOf(tree))
        const older = rootOf(tree.slice(0, from))
        assert.ok(verifyConsistency(from, older, tree.length, rootOf(tree), path))
      }),
      runs(200)
    )
  })

  it('two lists of leaves have one root only if they are the same list', () => {
    // Few different leaves, so that trees of repeated leaves (CVE-2012-2459) come up.
    const few = fc.array(fc.constantFrom('a', 'b'), { maxLength: 6 })
    fc.assert(
      fc.property(few, few, (one, other) => {
        const [left, right] = [one, other].map(list => rootOf(list.map(text => leafHash(utf8(text)))))
        assert.ok(left && right)
        assert.equal(equal(left, right), one.join() === other.join())
      }),
      runs(2000)
    )
  })

  it('an edge grown in any steps is the edge of the whole', () => {
    fc.assert(
      fc.property(someLeaves, fc.nat(), (data, choice) => {
        const tree = data.map(leafHash)
        const first = choice % (tree.length + 1)
        const grown = Frontier.empty.appendAll(tree.slice(0, first)).appendAll(tree.slice(first))
        assertSame(grown.root(), rootOf(tree))
        assertSame(Frontier.verified(tree.length, grown.peaks, rootOf(tree)), grown)
      }),
      runs(200)
    )
  })

  it('paths made up of arbitrary hashes are refused', () => {
    const hashes = fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }).map(asHash), { maxLength: 8 })
    fc.assert(
      fc.property(fc.integer({ min: 2, max: LARGEST }), fc.nat(), hashes, (size, choice, path) => {
        const index = choice % size
        const from = 1 + (choice % (size - 1))
        assert.ok(!verifyInclusion(at(leaves, index), index, size, path, at(roots, size)))
        assert.ok(!verifyConsistency(from, at(roots, from), size, at(roots, size), path))
      }),
      runs(1000)
    )
  })

  it('sizes beyond 32 bits have paths and edges too', () => {
    const root = uniform()
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 48 }),
        fc.integer({ min: 0, max: 2 ** 48 }),
        (size, choice) => {
          const index = choice % size
          const path = inclusionPath(index, size, root)
          assert.ok(verifyInclusion(root(0, 1), index, size, path, root(0, size)))
          assert.ok(!verifyInclusion(root(0, 1), index, size, [...path, stranger], root(0, size)))
          const from = 1 + index
          const steps = consistencyPath(from, size, root)
          assert.ok(verifyConsistency(from, root(0, from), size, root(0, size), steps))
          const edge = Frontier.at(size, root)
          assertSame(edge.root(), root(0, size))
          assertSame(edge.append(root(0, 1)).root(), root(0, size + 1))
        }
      ),
      runs(300)
    )
  })
})
