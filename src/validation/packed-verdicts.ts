import { asHash, HASH_LENGTH, type PeerIdBytes } from '../core/bytes.js'
import type { Refusal } from '../core/refusal.js'
import type { PrivateDetail, Verdict } from '../core/validation.js'

/**
 * Verdicts as they cross from a worker to the main thread: a few large arrays instead of several small
 * objects for each message, which structured cloning is slow with.
 */
export interface PackedVerdicts {
  readonly leaves: Uint8Array
  /** One behind the other; an unknown author takes no bytes. */
  readonly authors: Uint8Array
  readonly authorEnds: Uint32Array
  readonly sequences: BigUint64Array
  readonly refusals: ReadonlyMap<
    number,
    { readonly refusal: Refusal; readonly inside: PrivateDetail | undefined }
  >
}

const NOBODY = new Uint8Array(0)

export function packVerdicts(verdicts: readonly Verdict[]): PackedVerdicts {
  const leaves = new Uint8Array(verdicts.length * HASH_LENGTH)
  const authors = new Uint8Array(verdicts.reduce((length, { author }) => length + (author?.length ?? 0), 0))
  const authorEnds = new Uint32Array(verdicts.length)
  const sequences = new BigUint64Array(verdicts.length)
  const refusals = new Map<
    number,
    { readonly refusal: Refusal; readonly inside: PrivateDetail | undefined }
  >()
  let end = 0
  for (const [index, verdict] of verdicts.entries()) {
    leaves.set(verdict.leaf, index * HASH_LENGTH)
    const author = verdict.author ?? NOBODY
    authors.set(author, end)
    end += author.length
    authorEnds[index] = end
    sequences[index] = verdict.sequence ?? 0n
    if (!verdict.ok) refusals.set(index, { refusal: verdict.refusal, inside: verdict.inside })
  }
  return { leaves, authors, authorEnds, sequences, refusals }
}

export function unpackVerdicts(packed: PackedVerdicts): Verdict[] {
  const { leaves, authors, authorEnds, sequences, refusals } = packed
  let start = 0
  return Array.from(authorEnds, (end, index): Verdict => {
    const leaf = asHash(leaves.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH))
    const author = authors.subarray(start, end) as PeerIdBytes
    start = end
    const refused = refusals.get(index)
    const sequence = sequences[index] ?? 0n
    if (refused === undefined) return { ok: true, leaf, author, sequence }
    const { refusal, inside } = refused
    return author.length > 0
      ? { ok: false, leaf, refusal, author, sequence, ...(inside && { inside }) }
      : { ok: false, leaf, refusal }
  })
}
