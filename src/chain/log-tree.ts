import { asHash, HASH_LENGTH, type Hash } from '../core/bytes.js'
import { nodeHash, splitPoint } from '../core/merkle.js'
import { keys, type Readable, StoreError, type Write } from './store.js'

/**
 * The RFC 6962 tree over all messages in blocks, kept as tiles: a tile of level L holds the roots of 256
 * neighbouring subtrees of 256^L leaves. Full tiles are in the database; those that still grow are in memory
 * and made anew at start. An immutable value: `extend` gives the next one and the tiles that became full.
 */
const TILE = 256
const TILE_BITS = 8

export class LogTree {
  static empty(database: Readable): LogTree {
    return new LogTree(database, 0, [])
  }

  private constructor(
    private readonly database: Readable,
    readonly size: number,
    /** By level: the hashes of the tile that is not full yet. */
    private readonly growing: readonly (readonly Hash[])[]
  ) {}

  /** How many tiles of all levels are full, and so in the database. */
  get fullTiles(): number {
    let tiles = 0
    for (let width = TILE; width <= this.size; width *= TILE) tiles += Math.floor(this.size / width)
    return tiles
  }

  /** The same tree, its full tiles read from elsewhere. */
  readFrom(database: Readable): LogTree {
    return new LogTree(database, this.size, this.growing)
  }

  extend(leaves: readonly Hash[]): { readonly tree: LogTree; readonly writes: Write[] } {
    const growing = this.growing.map(tile => [...tile])
    const writes: Write[] = []
    let size = this.size
    for (const leaf of leaves) {
      let hash = leaf
      size += 1
      for (let level = 0, count = size; ; level += 1, count /= TILE) {
        const tile = growing[level] ?? []
        growing[level] = tile
        tile.push(hash)
        if (tile.length < TILE) break
        writes.push({ type: 'put', key: keys.tile(level, count / TILE - 1), value: Buffer.concat(tile) })
        hash = rootOfTile(tile)
        growing[level] = []
      }
    }
    return { tree: new LogTree(this.database, size, growing), writes }
  }

  /** The tree of the first `size` leaves, and what is to be deleted as it is full there no more. */
  truncate(size: number): { readonly tree: LogTree; readonly writes: Write[] } {
    if (size > this.size) throw new RangeError(`${this.size} leaves cannot be cut to ${size}`)
    if (size === this.size) return { tree: this, writes: [] }
    const growing: Hash[][] = []
    const writes: Write[] = []
    for (const level of this.growing.keys()) {
      const nodes = Math.floor(size / TILE ** level)
      const first = nodes - (nodes % TILE)
      growing.push(Array.from({ length: nodes % TILE }, (_, index) => this.#stored(level, first + index)))
      const full = Math.floor(Math.floor(this.size / TILE ** level) / TILE)
      for (let tile = first / TILE; tile < full; tile += 1)
        writes.push({ type: 'del', key: keys.tile(level, tile) })
    }
    return { tree: new LogTree(this.database, size, growing), writes }
  }

  /** The root over the leaves `start` ≤ i < `end`: `core/merkle.ts` makes proofs of it. */
  readonly subtree = (start: number, end: number): Hash => {
    if (!(0 <= start && start < end && end <= this.size)) throw new RangeError(`no leaves ${start}…${end}`)
    const bits = Math.log2(end - start)
    if (Number.isInteger(bits) && start % (end - start) === 0)
      return this.#perfect(bits, start / (end - start))
    const middle = start + splitPoint(end - start)
    return nodeHash(this.subtree(start, middle), this.subtree(middle, end))
  }

  /** The root of the `index`th subtree of 2^bits leaves. */
  #perfect(bits: number, index: number): Hash {
    if (bits % TILE_BITS === 0) return this.#stored(bits / TILE_BITS, index)
    return nodeHash(this.#perfect(bits - 1, 2 * index), this.#perfect(bits - 1, 2 * index + 1))
  }

  #stored(level: number, index: number): Hash {
    const tile = Math.floor(index / TILE)
    const offset = index % TILE
    const isGrowing = tile === Math.floor(Math.floor(this.size / TILE ** level) / TILE)
    if (isGrowing) {
      const hash = this.growing[level]?.[offset]
      if (hash === undefined)
        throw new StoreError(`node ${index} of level ${level} of the log tree is missing`)
      return hash
    }
    const bytes = this.database.getSync(keys.tile(level, tile))
    if (bytes?.length !== TILE * HASH_LENGTH)
      throw new StoreError(`tile ${tile} of level ${level} is damaged`)
    return asHash(bytes.subarray(offset * HASH_LENGTH, (offset + 1) * HASH_LENGTH))
  }
}

function rootOfTile(tile: readonly Hash[]): Hash {
  const [root, ...others] = tile
  if (root === undefined) throw new RangeError('a tile is never empty')
  if (others.length === 0) return root
  const parents: Hash[] = []
  for (let i = 0; i + 1 < tile.length; i += 2) {
    const [left, right] = tile.slice(i, i + 2)
    if (left && right) parents.push(nodeHash(left, right))
  }
  return rootOfTile(parents)
}
