import type { TransferSet } from '../../applications/ledger/transfer-set.js'
import { equal, type Hash } from '../../core/bytes.js'
import { LIMITS } from '../../core/limits.js'
import { EMPTY_ROOT } from '../../core/merkle.js'
import type { Summary } from '../../core/set-summary.js'
import { InvalidAnswer } from '../../query/query-errors.js'

/**
 * What another set has beyond one's own as it is at each step, as many ids at once as one may ask for: goes down where
 * the digests differ. `arranged`: in what order; the last of them is looked at next. Throws Untrue where nothing is in a
 * part that had a digest: a set loses nothing, and who tells of empty parts could tell of them without an end.
 */
export async function* lacking(
  own: () => TransferSet,
  summaryOf: (prefix: string) => Promise<Summary>,
  arranged: (prefixes: readonly string[]) => readonly string[]
): AsyncGenerator<readonly Hash[], undefined> {
  const prefixes = ['']
  const wanted: Hash[] = []
  for (let prefix = prefixes.pop(); prefix !== undefined; prefix = prefixes.pop()) {
    const summary = await summaryOf(prefix)
    if (prefix !== '' && isEmpty(summary))
      throw new InvalidAnswer(`the peer has ids that begin with ${prefix}, it said, and shows none`)
    const lack = own().lack(prefix, summary)
    prefixes.push(...arranged(lack.prefixes))
    wanted.push(...lack.ids)
    while (wanted.length >= LIMITS.transferIds) yield wanted.splice(0, LIMITS.transferIds)
  }
  yield wanted
  return undefined
}

function isEmpty(summary: Summary): boolean {
  return summary.kind === 'ids'
    ? summary.ids.length === 0
    : summary.digests.every(digest => equal(digest, EMPTY_ROOT))
}
