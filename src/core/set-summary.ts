import type { Hash } from './bytes.js'
import { DecodeError, decodeHash } from './codec.js'
import { LIMITS } from './limits.js'
import type { SetSummary as WireSummary } from './wire/tallystick.js'

/**
 * What a set has of the ids that begin with some hex digits: the ids, ascending, where they are few, else the digests
 * of its sixteen parts, by the next digit.
 */
export type Summary =
  | { readonly kind: 'ids'; readonly ids: readonly Hash[] }
  | { readonly kind: 'parts'; readonly digests: readonly Hash[] }

export function encodeSummary(summary: Summary): WireSummary {
  return summary.kind === 'ids'
    ? { ids: [...summary.ids], parts: [] }
    : { ids: [], parts: [...summary.digests] }
}

/** Throws DecodeError. */
export function decodeSummary({ ids, parts }: WireSummary): Summary {
  if (parts.length > 0) {
    if (parts.length !== LIMITS.summaryParts || ids.length > 0)
      throw new DecodeError(
        `summary: ${parts.length} parts and ${ids.length} ids; it is ${LIMITS.summaryParts} parts, or ids`
      )
    return { kind: 'parts', digests: parts.map(part => decodeHash('summary part', part)) }
  }
  const hashes = ids.map(id => decodeHash('summary id', id))
  if (!hashes.every((id, index) => isAfter(id, hashes[index - 1])))
    throw new DecodeError('summary: its ids do not ascend')
  return { kind: 'ids', ids: hashes }
}

function isAfter(id: Hash, before: Hash | undefined): boolean {
  return before === undefined || Buffer.compare(before, id) < 0
}
