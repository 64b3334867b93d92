import type { TransferSet } from '../../applications/ledger/transfer-set.js'
import type { Hash } from '../../core/bytes.js'
import { LIMITS } from '../../core/limits.js'
import type { Summary } from '../../core/set-summary.js'

/**
 * What another set has beyond one's own as it is at each step, as many ids at once as one may ask for: goes down where
 * the digests differ. `arranged`: in what order; the last of them is looked at next.
 */
export async function* lacking(
  own: () => TransferSet,
  summaryOf: (prefix: string) => Promise<Summary>,
  arranged: (prefixes: readonly string[]) => readonly string[]
): AsyncGenerator<readonly Hash[], undefined> {
  const prefixes = ['']
  const wanted: Hash[] = []
  for (let prefix = prefixes.pop(); prefix !== undefined; prefix = prefixes.pop()) {
    const lack = own().lack(prefix, await summaryOf(prefix))
    prefixes.push(...arranged(lack.prefixes))
    wanted.push(...lack.ids)
    while (wanted.length >= LIMITS.transferIds) yield wanted.splice(0, LIMITS.transferIds)
  }
  yield wanted
  return undefined
}
