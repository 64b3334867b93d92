import type { PeerIdBytes } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'

/**
 * The highest sequence of each author, so that a message with a higher one needs no look into the database.
 * With more authors than `LIMITS.rememberedAuthors` it forgets them all, and every message is looked up.
 */
export class HighestSequences {
  #byAuthor: Map<string, bigint> | undefined = new Map()

  add(author: PeerIdBytes, sequence: bigint): void {
    if (this.#byAuthor === undefined) return
    const name = nameOf(author)
    const highest = this.#byAuthor.get(name)
    if (highest === undefined || sequence > highest) this.#byAuthor.set(name, sequence)
    if (this.#byAuthor.size > LIMITS.rememberedAuthors) this.#byAuthor = undefined
  }

  /** Whether no message of this author with this sequence or a higher one was added. */
  isNew(author: PeerIdBytes, sequence: bigint): boolean {
    return this.#byAuthor !== undefined && sequence > (this.#byAuthor.get(nameOf(author)) ?? 0n)
  }
}

function nameOf(author: PeerIdBytes): string {
  return Buffer.from(author.buffer, author.byteOffset, author.byteLength).toString('latin1')
}
