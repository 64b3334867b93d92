import { asHash, equal, HASH_LENGTH, type Hash } from './bytes.js'
import { sha256 } from './hash.js'

/** Merkle trees as in RFC 6962 section 2.1: hashing, proofs, and the running edge of a growing log. */

/** Root of the tree of no leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Hash = sha256(new Uint8Array(0))

/** SHA-256(0x00 ‖ data) */
export function leafHash(data: Uint8Array): Hash {
  const input = Buffer.allocUnsafe(1 + data.length)
  input[0] = 0
  input.set(data, 1)
  return sha256(input)
}

const nodeInput = Buffer.alloc(1 + 2 * HASH_LENGTH, 1)

/** SHA-256(0x01 ‖ left ‖ right) */
export function nodeHash(left: Hash, right: Hash): Hash {
  if (left.length !== HASH_LENGTH || right.length !== HASH_LENGTH)
    throw new RangeError('a node is made of two hashes')
  nodeInput.set(left, 1)
  nodeInput.set(right, 1 + HASH_LENGTH)
  return sha256(nodeInput)
}

/** Largest power of two smaller than `size`, for size ≥ 2: where RFC 6962 splits a tree. */
export function splitPoint(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

/** The root over the leaves `start` ≤ i < `end`, of a tree that someone holds. */
export type SubtreeRoot = (start: number, end: number) => Hash

/** A SubtreeRoot over leaves in memory. */
export function subtreeOf(leaves: readonly Hash[]): SubtreeRoot {
  const root = (start: number, end: number): Hash => {
    const [first] = leaves.slice(start, start + 1)
    if (first === undefined || end > leaves.length) throw new RangeError(`no leaves ${start}…${end}`)
    if (end - start === 1) return first
    const middle = start + splitPoint(end - start)
    return nodeHash(root(start, middle), root(middle, end))
  }
  return root
}

export function rootOf(leaves: readonly Hash[]): Hash {
  return leaves.length === 0 ? EMPTY_ROOT : subtreeOf(leaves)(0, leaves.length)
}

/** PATH(index, D[size]) of RFC 6962: the audit path, lowest sibling first. */
export function inclusionPath(index: number, size: number, subtree: SubtreeRoot): Hash[] {
  if (!(index >= 0 && index < size)) throw new RangeError(`no leaf ${index} in a tree of ${size}`)
  const path: Hash[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + splitPoint(end - start)
    if (index < middle) {
      path.push(subtree(middle, end))
      end = middle
    } else {
      path.push(subtree(start, middle))
      start = middle
    }
  }
  return path.reverse()
}

/** PROOF(from, D[to]) of RFC 6962: what shows that the tree of `from` leaves begins the tree of `to`. */
export function consistencyPath(from: number, to: number, subtree: SubtreeRoot): Hash[] {
  if (!(from >= 0 && from <= to)) throw new RangeError(`no consistency proof from ${from} to ${to}`)
  if (from === 0 || from === to) return []
  const path: Hash[] = []
  let start = 0
  let end = to
  while (end !== from) {
    const middle = start + splitPoint(end - start)
    if (from <= middle) {
      path.push(subtree(middle, end))
      end = middle
    } else {
      path.push(subtree(start, middle))
      start = middle
    }
  }
  if (start !== 0) path.push(subtree(start, end))
  return path.reverse()
}

/** Checks an audit path of exactly the right length (RFC 9162 section 2.1.3.2). */
export function verifyInclusion(
  leaf: Hash,
  index: number,
  size: number,
  path: readonly Hash[],
  root: Hash
): boolean {
  if (!isIndex(index) || !isIndex(size) || index >= size) return false
  let node = leaf
  let position = index
  let last = size - 1
  for (const sibling of path) {
    if (last === 0) return false
    if (position % 2 === 1 || position === last) {
      node = nodeHash(sibling, node)
      while (position % 2 === 0 && position !== 0) {
        position /= 2
        last = Math.floor(last / 2)
      }
    } else {
      node = nodeHash(node, sibling)
    }
    position = Math.floor(position / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equal(node, root)
}

/** Checks a consistency proof of exactly the right length (RFC 9162 section 2.1.4.2). */
export function verifyConsistency(
  from: number,
  fromRoot: Hash,
  to: number,
  toRoot: Hash,
  path: readonly Hash[]
): boolean {
  if (!isIndex(from) || !isIndex(to) || from > to) return false
  if (from === 0 && !equal(fromRoot, EMPTY_ROOT)) return false
  if (from === to) return path.length === 0 && equal(fromRoot, toRoot)
  if (from === 0) return path.length === 0
  const isPowerOfTwo = peakSizes(from).length === 1
  const [first, ...rest] = isPowerOfTwo ? [fromRoot, ...path] : path
  if (first === undefined) return false
  let position = from - 1
  let last = to - 1
  while (position % 2 === 1) {
    position = Math.floor(position / 2)
    last = Math.floor(last / 2)
  }
  let older = first
  let newer = first
  for (const node of rest) {
    if (last === 0) return false
    if (position % 2 === 1 || position === last) {
      older = nodeHash(node, older)
      newer = nodeHash(node, newer)
      while (position % 2 === 0 && position !== 0) {
        position /= 2
        last = Math.floor(last / 2)
      }
    } else {
      newer = nodeHash(newer, node)
    }
    position = Math.floor(position / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equal(older, fromRoot) && equal(newer, toRoot)
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/**
 * The right edge of a log: the roots of its perfect subtrees, left to right. It is all one needs to append
 * and to know the root. An immutable value: `append` gives a new one.
 */
export class Frontier {
  static readonly empty = new Frontier(0, [])

  private constructor(
    readonly size: number,
    readonly peaks: readonly Hash[]
  ) {}

  /** From peaks that someone claims; undefined unless their number fits the size and they fold to `root`. */
  static verified(size: number, peaks: readonly Uint8Array[], root: Hash): Frontier | undefined {
    if (!isIndex(size) || peaks.length !== peakSizes(size).length) return undefined
    if (peaks.some(peak => peak.length !== HASH_LENGTH)) return undefined
    const frontier = new Frontier(size, peaks.map(asHash))
    return equal(frontier.root(), root) ? frontier : undefined
  }

  /** The edge of the first `size` leaves of a tree that someone holds. */
  static at(size: number, subtree: SubtreeRoot): Frontier {
    let start = 0
    const peaks = peakSizes(size).map(length => {
      start += length
      return subtree(start - length, start)
    })
    return new Frontier(size, peaks)
  }

  append(leaf: Hash): Frontier {
    const peaks = [...this.peaks]
    let node = leaf
    for (let rest = this.size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = peaks.pop()
      if (left === undefined) throw new Error('a frontier has a peak for each bit of its size')
      node = nodeHash(left, node)
    }
    peaks.push(node)
    return new Frontier(this.size + 1, peaks)
  }

  appendAll(leaves: readonly Hash[]): Frontier {
    return leaves.reduce<Frontier>((frontier, leaf) => frontier.append(leaf), this)
  }

  root(): Hash {
    const [last, ...others] = this.peaks.toReversed()
    return last === undefined ? EMPTY_ROOT : others.reduce((right, left) => nodeHash(left, right), last)
  }
}

/** Sizes of the perfect subtrees of a tree, left to right: the powers of two that sum to `size`. */
function peakSizes(size: number): number[] {
  const sizes: number[] = []
  for (let rest = size, power = 1; rest > 0; rest = Math.floor(rest / 2), power *= 2)
    if (rest % 2 === 1) sizes.unshift(power)
  return sizes
}
