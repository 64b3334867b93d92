import { hash } from 'node:crypto'
import { asHash, equal, HASH_LENGTH, type Hash } from './bytes.js'
import { TallystickError } from './errors.js'

/**
 * Sets of leaves under one root, each leaf at a place of its own: 32 bytes that are as good as random. The root
 * follows from the leaves alone, in whatever order they came:
 *
 *   of no leaf   SHA-256 of nothing
 *   of one       SHA-256(0x00 ‖ its data)
 *   of more      SHA-256(0x01 ‖ root of those whose place has a 0 here ‖ root of those that have a 1)
 *
 * where "here" is the first bit of the place at the top, then the second one, and so on. Hashes and places are
 * strings inside, a character for a byte: a Buffer of its own for each takes four times the memory.
 */

/** Thrown where paths do not show what is looked at. No other error says that: a verdict may come of this one. */
export class NotShown extends TallystickError {
  override name = 'NotShown'

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_NOT_SHOWN', message, options)
  }
}

/** A place or a hash, as a string of 32 characters below 256. */
export type ByteString = string

export function byteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

export function bytesOf(text: ByteString): Uint8Array {
  return Buffer.from(text, 'latin1')
}

/** SHA-256 as a string. */
export function hashString(data: Uint8Array): ByteString {
  return hash('sha256', data, 'binary')
}

/** What a trie must know of its values. */
export interface LeafKind<Value> {
  place(value: Value): ByteString
  data(value: Value): Uint8Array
}

/** What is between a place and the root: the siblings, lowest first, and what stands where the place would be. */
export interface TriePath<Value> {
  readonly leaf: Value | undefined
  readonly siblings: readonly Hash[]
}

/** All leaves whose places begin with the same bits. */
export interface Branch<Value> {
  root(): Hash
  values(): Iterable<Value>
}

/** An immutable value: `change` gives a new trie that shares all but one path with the old one. */
export class MerkleTrie<Value extends NonNullable<unknown>> implements Branch<Value> {
  private constructor(
    private readonly kind: LeafKind<Value>,
    private readonly top: Node<Value>
  ) {}

  static empty<Value extends NonNullable<unknown>>(kind: LeafKind<Value>): MerkleTrie<Value> {
    return new MerkleTrie(kind, undefined)
  }

  /**
   * What paths that lead to one root show of a trie; the rest is known by its hashes alone. Throws NotShown unless
   * each of them leads to `root` by itself. Whatever looks at what they do not show throws NotShown, too.
   */
  static shown<Value extends NonNullable<unknown>>(
    kind: LeafKind<Value>,
    root: Hash,
    paths: Iterable<TriePath<Value> & { readonly place: ByteString }>
  ): MerkleTrie<Value> {
    let top: Node<Value> = new Unknown(byteString(root))
    for (const { place, leaf, siblings } of paths) {
      const shown = leaf && { place: kind.place(leaf), data: kind.data(leaf) }
      // `graft` leaves out what an earlier path has shown: of that, too, each path must be right.
      if (!leadsTo(root, place, shown, siblings))
        throw new NotShown('a path that does not lead from its place to the root')
      top = graft(top, place, leaf, siblings.map(byteString).toReversed(), 0)
    }
    return new MerkleTrie(kind, top)
  }

  /** `isThere`: whether a value stands at this place, where that is told more quickly than by its place. */
  get(place: ByteString, isThere = this.#isAt(place)): Value | undefined {
    const { node } = descend(this.top, place, PLACE_BITS)
    if (node instanceof Unknown) return notShown()
    if (node === undefined || node instanceof Inner) return undefined
    return isThere(node) ? node : undefined
  }

  /** With another value at a place: `next` makes it of the one that stands there. `isThere` as with `get`. */
  change(
    place: ByteString,
    next: (before: Value | undefined) => Value,
    isThere = this.#isAt(place)
  ): MerkleTrie<Value> {
    return new MerkleTrie(this.kind, put(this.top, { place, next, isThere }, 0, this.kind))
  }

  /** Computed once: a trie that came out of `change` hashes the new path only. */
  root(): Hash {
    return hashOf(rootOf(this.top, this.kind))
  }

  /** In the order of their places. */
  values(): Iterable<Value> {
    return valuesOf(this.top)
  }

  /** Those behind a place, in the order of their places. */
  valuesAfter(place: ByteString): Iterable<Value> {
    return valuesAfter(this.top, place, 0, this.kind)
  }

  /** Those that agree with `place` in its first `depth` bits. */
  branch(place: ByteString, depth: number): Branch<Value> {
    const { kind } = this
    const { node } = descend(this.top, place, depth)
    if (node instanceof Unknown) return notShown()
    const isLeaf = node !== undefined && !(node instanceof Inner)
    const top = isLeaf && !agree(kind.place(node), place, depth) ? undefined : node
    return { root: () => hashOf(rootOf(top, kind)), values: () => valuesOf(top) }
  }

  #isAt(place: ByteString): (value: Value) => boolean {
    return value => this.kind.place(value) === place
  }

  path(place: ByteString): TriePath<Value> {
    const { node, passed } = descend(this.top, place, PLACE_BITS)
    if (node instanceof Unknown) return notShown()
    const siblings = passed
      .toReversed()
      .map((inner, index) =>
        hashOf(rootOf(inner.child(1 - bit(place, passed.length - 1 - index)), this.kind))
      )
    return { leaf: node instanceof Inner ? undefined : node, siblings }
  }
}

/** Whether a path from what stands at `place` or where it would be leads to `root`. */
export function verifyTriePath(
  place: Uint8Array,
  leaf: { readonly place: Uint8Array; readonly data: Uint8Array } | undefined,
  siblings: readonly Uint8Array[],
  root: Hash
): boolean {
  const shown = leaf && { place: byteString(leaf.place), data: leaf.data }
  return leadsTo(root, byteString(place), shown, siblings)
}

function leadsTo(
  root: Hash,
  place: ByteString,
  leaf: { readonly place: ByteString; readonly data: Uint8Array } | undefined,
  siblings: readonly Uint8Array[]
): boolean {
  const depth = siblings.length
  if (depth > PLACE_BITS || siblings.some(({ length }) => length !== HASH_LENGTH)) return false
  if (leaf !== undefined && !agree(place, leaf.place, depth)) return false
  const start = leaf === undefined ? EMPTY : leafHash(leaf.data)
  const top = siblings.reduce<ByteString>((node, bytes, index) => {
    const sibling = byteString(bytes)
    return bit(place, depth - 1 - index) === 0 ? nodeHash(node, sibling) : nodeHash(sibling, node)
  }, start)
  return equal(hashOf(top), root)
}

const PLACE_BITS = 8 * HASH_LENGTH

/** A single leaf is held by its value alone, however deep it stands. */
type Node<Value> = Inner<Value> | Unknown | Value | undefined

/** One or more leaves of which nothing but their root is known. */
class Unknown {
  constructor(readonly root: ByteString) {}
}

function notShown(): never {
  throw new NotShown('it is not shown what stands there')
}

class Inner<Value> {
  #root: ByteString | undefined

  constructor(
    readonly left: Node<Value>,
    readonly right: Node<Value>
  ) {}

  child(side: number): Node<Value> {
    return side === 0 ? this.left : this.right
  }

  root(kind: LeafKind<Value>): ByteString {
    this.#root ??= nodeHash(rootOf(this.left, kind), rootOf(this.right, kind))
    return this.#root
  }
}

function rootOf<Value>(node: Node<Value>, kind: LeafKind<Value>): ByteString {
  if (node === undefined) return EMPTY
  if (node instanceof Inner) return node.root(kind)
  return node instanceof Unknown ? node.root : leafHash(kind.data(node))
}

/** Follows a place down to its first `depth` bits, or to what stands alone before. */
function descend<Value>(
  top: Node<Value>,
  place: ByteString,
  depth: number
): { readonly node: Node<Value>; readonly passed: readonly Inner<Value>[] } {
  const passed: Inner<Value>[] = []
  let node = top
  while (node instanceof Inner && passed.length < depth) {
    const inner: Inner<Value> = node
    node = inner.child(bit(place, passed.length))
    passed.push(inner)
  }
  return { node, passed }
}

interface Change<Value> {
  readonly place: ByteString
  readonly isThere: (value: Value) => boolean
  readonly next: (before: Value | undefined) => Value
}

function put<Value>(
  node: Node<Value>,
  change: Change<Value>,
  depth: number,
  kind: LeafKind<Value>
): Node<Value> {
  const { place, isThere, next } = change
  if (node === undefined) return next(undefined)
  if (node instanceof Unknown) return notShown()
  if (node instanceof Inner)
    return bit(place, depth) === 0
      ? new Inner(put(node.left, change, depth + 1, kind), node.right)
      : new Inner(node.left, put(node.right, change, depth + 1, kind))
  return isThere(node) ? next(node) : fork(node, kind.place(node), next(undefined), place, depth)
}

/** Puts into a trie what a path shows. `siblings`: of the nodes from here on, the highest first. */
function graft<Value>(
  node: Node<Value>,
  place: ByteString,
  leaf: Value | undefined,
  siblings: readonly ByteString[],
  depth: number
): Node<Value> {
  const sibling = siblings[depth]
  if (sibling === undefined) return node instanceof Unknown ? leaf : node
  const side = bit(place, depth)
  // What another path has shown stays: all lead to one root, so that they agree.
  const beside =
    node instanceof Inner ? node.child(1 - side) : sibling === EMPTY ? undefined : new Unknown(sibling)
  const on = node instanceof Inner ? node.child(side) : new Unknown(EMPTY)
  const below = graft(on, place, leaf, siblings, depth + 1)
  return side === 0 ? new Inner<Value>(below, beside) : new Inner<Value>(beside, below)
}

/** Two leaves under as many inner nodes as their places have bits in common from here on. */
function fork<Value>(
  one: Value,
  place: ByteString,
  other: Value,
  otherPlace: ByteString,
  depth: number
): Inner<Value> {
  const side = bit(place, depth)
  if (side !== bit(otherPlace, depth)) return side === 0 ? new Inner(one, other) : new Inner(other, one)
  const below = fork(one, place, other, otherPlace, depth + 1)
  return side === 0 ? new Inner<Value>(below, undefined) : new Inner<Value>(undefined, below)
}

function* valuesOf<Value>(node: Node<Value>): Iterable<Value> {
  if (node === undefined) return
  if (node instanceof Unknown) return notShown()
  if (!(node instanceof Inner)) yield node
  else {
    yield* valuesOf(node.left)
    yield* valuesOf(node.right)
  }
}

function* valuesAfter<Value>(
  node: Node<Value>,
  place: ByteString,
  depth: number,
  kind: LeafKind<Value>
): Iterable<Value> {
  if (node === undefined) return
  if (node instanceof Unknown) return notShown()
  if (!(node instanceof Inner)) {
    if (kind.place(node) > place) yield node
  } else if (bit(place, depth) === 0) {
    yield* valuesAfter(node.left, place, depth + 1, kind)
    yield* valuesOf(node.right)
  } else yield* valuesAfter(node.right, place, depth + 1, kind)
}

function bit(place: ByteString, index: number): number {
  return (place.charCodeAt(index >> 3) >> (7 - (index & 7))) & 1
}

/** Whether two places have their first `depth` bits in common. */
function agree(one: ByteString, other: ByteString, depth: number): boolean {
  for (let index = 0; index < depth; index += 1) if (bit(one, index) !== bit(other, index)) return false
  return true
}

const EMPTY = hashString(new Uint8Array(0))

function leafHash(data: Uint8Array): ByteString {
  const input = Buffer.allocUnsafe(1 + data.length)
  input[0] = 0
  input.set(data, 1)
  return hashString(input)
}

const nodeInput = Buffer.alloc(1 + 2 * HASH_LENGTH, 1)

function nodeHash(left: ByteString, right: ByteString): ByteString {
  nodeInput.write(left, 1, 'latin1')
  nodeInput.write(right, 1 + HASH_LENGTH, 'latin1')
  return hashString(nodeInput)
}

export function hashOf(text: ByteString): Hash {
  return asHash(bytesOf(text))
}
