import { setImmediate } from 'node:timers/promises'
import type { Chain } from '../../chain/chain.js'
import { HeaderChain } from '../../chain/header-chain.js'
import { equal } from '../../core/bytes.js'
import { isPassingFault } from '../../core/fault.js'
import { LIMITS } from '../../core/limits.js'
import type { HeadClaim } from '../../core/query.js'
import { unlessAborted, untilAborted } from '../../lifecycle/waiting.js'
import type { HeaderQueries } from '../../query/header-queries.js'
import { decided, InvalidAnswer } from '../../query/query-errors.js'

/** The chain of another peer, as it answers. What it gives shows its work; where it stands is to be checked. */
export type ChainSource = Pick<HeaderQueries, 'claimedHead' | 'headerAt' | 'headerPage' | 'blocksById'>

export type Found =
  /** Headers that are better than our head by their work: the whole of the chain, or as much as there was time for. */
  | { readonly kind: 'better'; readonly headers: HeaderChain }
  /** `isWhole`: it was shown up to the head that was claimed. */
  | { readonly kind: 'not better'; readonly isWhole: boolean }
  /** It leaves our chain deeper than a reorg may reach. */
  | { readonly kind: 'too deep' }

/**
 * Fetches the headers by which a peer's chain differs from ours, and checks them before anything is stored or
 * any message is fetched. When `signal` fires it makes do with what has come. Throws where the peer fails, or
 * shows what does not hold.
 */
export async function findBetter(
  source: ChainSource,
  claim: HeadClaim,
  chain: Chain,
  now: () => number,
  signal: AbortSignal
): Promise<Found> {
  const height = await commonHeight(source, claim, chain, signal)
  if (height === undefined) return { kind: 'too deep' }
  const common = chain.headerAt(height)
  const place = common && chain.place(common.id)
  // The root has moved meanwhile; the next round sees further.
  if (place === undefined) return { kind: 'not better', isWhole: false }
  const headers = new HeaderChain(chain.rules, place)
  while (headers.ids.length < LIMITS.syncHeaders && !signal.aborted) {
    const from = headers.head.header.height + 1
    const page = source.headerPage(from, LIMITS.rangeHeaders)
    for await (const signed of untilAborted(page, signal)) {
      const fault = decided(headers.add(signed, now()), signed.header.height)
      if (fault !== undefined && isPassingFault(fault)) break
      if (fault !== undefined) throw InvalidAnswer.fault(fault)
      if (chain.isKnownInvalid(signed.id))
        throw new InvalidAnswer('its chain holds a block that is not valid')
      // A whole page may be there at once, and each takes as long as its signature.
      if (headers.ids.length % LIMITS.headersInTurn === 0) await setImmediate()
    }
    if (headers.head.header.height < from) break
  }
  return isPreferred(headers, chain)
    ? { kind: 'better', headers }
    : { kind: 'not better', isWhole: equal(headers.head.id, claim.id) }
}

/** Whether the head of verified headers would be ours, were its blocks valid. */
export function isPreferred({ weight, head }: HeaderChain, chain: Chain): boolean {
  if (weight !== chain.weight()) return weight > chain.weight()
  return chain.rules.ordering.compare(head, chain.head()) < 0
}

/** The highest block that both main chains hold; undefined where it lies below the root. By bisection. */
async function commonHeight(
  source: ChainSource,
  claim: HeadClaim,
  chain: Chain,
  signal: AbortSignal
): Promise<number | undefined> {
  const isCommon = async (height: number): Promise<boolean> => {
    const ours = chain.headerAt(height)
    return ours !== undefined && equal(ours.id, (await unlessAborted(source.headerAt(height), signal)).id)
  }
  let low = chain.root.header.height
  let high = Math.min(chain.head().header.height, claim.height)
  if (high < low || !(await isCommon(low))) return undefined
  if (await isCommon(high)) return high
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (await isCommon(middle)) low = middle
    else high = middle
  }
  return low
}
