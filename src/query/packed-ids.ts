import { asHash, equal, HASH_LENGTH, type Hash } from '../core/bytes.js'

/** In one piece of memory. */
const IDS_IN_PIECE = 1_024

/** Ids in their order, in 32 bytes each: as arrays of their own they would take four times that. */
export class PackedIds {
  #pieces: Uint8Array[] = []
  /** So many of the pieces, from the first on, are others' as well: they are copied before anything is written to them. */
  #shared = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(id: Hash): void {
    const index = Math.floor(this.#length / IDS_IN_PIECE)
    this.#own(index).set(id, (this.#length % IDS_IN_PIECE) * HASH_LENGTH)
    this.#length += 1
  }

  at(index: number): Hash | undefined {
    if (index < 0 || index >= this.#length) return undefined
    const start = (index % IDS_IN_PIECE) * HASH_LENGTH
    const piece = this.#pieces[Math.floor(index / IDS_IN_PIECE)]
    return piece && asHash(piece.slice(start, start + HASH_LENGTH))
  }

  holds(index: number, id: Hash): boolean {
    const held = this.at(index)
    return held !== undefined && equal(held, id)
  }

  /** Forgets all but the first ones. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length)
    this.#pieces.length = Math.ceil(this.#length / IDS_IN_PIECE)
    this.#shared = Math.min(this.#shared, this.#pieces.length)
  }

  /** Becomes the first ids of others, in the same memory until one of the two changes. */
  become(others: PackedIds, length: number): void {
    this.#pieces = [...others.#pieces]
    this.#length = others.#length
    this.#shared = others.#shared = this.#pieces.length
    this.truncate(length)
  }

  #own(index: number): Uint8Array {
    const held = this.#pieces[index]
    if (held !== undefined && index >= this.#shared) return held
    const own = new Uint8Array(IDS_IN_PIECE * HASH_LENGTH)
    if (held !== undefined) own.set(held)
    this.#pieces[index] = own
    this.#shared = Math.min(this.#shared, index)
    return own
  }
}
