import { equal, type Hash, toHex } from '../../core/bytes.js'
import { sha256 } from '../../core/hash.js'
import { LIMITS } from '../../core/limits.js'
import { EMPTY_ROOT } from '../../core/merkle.js'
import {
  type Branch,
  type ByteString,
  byteString,
  bytesOf,
  hashOf,
  type LeafKind,
  MerkleTrie
} from '../../core/merkle-trie.js'
import type { Summary } from '../../core/set-summary.js'

/** What names a transfer: SHA-256 of its message, so that it is one transfer however often its author signs it. */
export function transferId(payload: Uint8Array): Hash {
  return sha256(payload)
}

/** What another set has beyond one's own, as far as a summary of it tells. */
export interface Lack {
  readonly ids: readonly Hash[]
  /** Where to ask on: prefixes one digit longer than the one that was asked about. */
  readonly prefixes: readonly string[]
}

/** A set of transfer ids that only grows: an immutable value, whose digest does not tell in what order they came. */
export class TransferSet {
  private constructor(
    private readonly ids: MerkleTrie<ByteString>,
    readonly size: number
  ) {}

  static empty(): TransferSet {
    return new TransferSet(MerkleTrie.empty(IDS), 0)
  }

  has(id: Hash): boolean {
    return this.ids.get(byteString(id)) !== undefined
  }

  /** The same set where it has the id already. */
  add(id: Hash): TransferSet {
    if (this.has(id)) return this
    const text = byteString(id)
    const ids = this.ids.change(text, () => text)
    return new TransferSet(ids, this.size + 1)
  }

  digest(): Hash {
    return this.ids.root()
  }

  /** `prefix`: up to 64 hex digits. */
  summary(prefix: string): Summary {
    const ids: Hash[] = []
    for (const id of this.#branch(prefix).values()) {
      ids.push(hashOf(id))
      if (ids.length > LIMITS.summaryIds)
        return { kind: 'parts', digests: DIGITS.map(digit => this.#branch(prefix + digit).root()) }
    }
    return { kind: 'ids', ids }
  }

  /** Nothing is left to ask, in the end, where the other set does not grow faster than one asks. */
  lack(prefix: string, theirs: Summary): Lack {
    if (theirs.kind === 'ids') {
      const ids = theirs.ids.filter(id => toHex(id).startsWith(prefix) && !this.has(id))
      return { ids, prefixes: [] }
    }
    const prefixes = DIGITS.map(digit => prefix + digit).filter((part, index) => {
      const digest = theirs.digests[index] ?? EMPTY_ROOT
      return !equal(digest, EMPTY_ROOT) && !equal(digest, this.#branch(part).root())
    })
    return { ids: [], prefixes }
  }

  #branch(prefix: string): Branch<ByteString> {
    const place = byteString(Buffer.from(prefix.padEnd(64, '0'), 'hex'))
    return this.ids.branch(place, 4 * prefix.length)
  }
}

const DIGITS = [...'0123456789abcdef']

const IDS: LeafKind<ByteString> = { place: id => id, data: bytesOf }
