import { type Hash, toHex } from '#src/core/bytes.js'
import { EMPTY_ROOT, leafHash, nodeHash } from '#src/core/merkle.js'

/** What stands in a trie. */
export interface TrieEntry {
  readonly place: Hash
  readonly data: Uint8Array
}

/** The root of a Merkle trie as it is defined, by looking at all leaves, from a depth on. */
export function trieRoot(entries: readonly TrieEntry[], depth = 0): Hash {
  const [only, another] = entries
  if (only === undefined) return EMPTY_ROOT
  if (another === undefined) return leafHash(only.data)
  const side = (wanted: number): TrieEntry[] => entries.filter(({ place }) => bitOf(place, depth) === wanted)
  return nodeHash(trieRoot(side(0), depth + 1), trieRoot(side(1), depth + 1))
}

/** Whether two places begin with the same `depth` bits. */
export function agree(one: Uint8Array, other: Uint8Array, depth: number): boolean {
  const [a, b] = [one, other].map(place => BigInt(`0x${toHex(place)}`) >> BigInt(256 - depth))
  return a === b
}

function bitOf(place: Uint8Array, index: number): number {
  return ((place[index >> 3] ?? 0) >> (7 - (index & 7))) & 1
}
