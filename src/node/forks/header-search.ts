import type { Chain } from '../../chain/chain.js'
import { equal } from '../../core/bytes.js'
import { isPassingFault } from '../../core/fault.js'
import { LIMITS } from '../../core/limits.js'
import type { HeadClaim } from '../../core/query.js'
import type { ClaimAsker } from '../claim-asker.js'
import { Untrue } from '../query-errors.js'
import { HeaderChain } from './header-chain.js'

/** The chain of another peer, as it answers. What it gives shows its work; where it stands is to be checked. */
export type ChainSource = Pick<ClaimAsker, 'claimedHead' | 'headerAt' | 'headerPage' | 'blocksById'>

export type Found =
  /** Headers that are better than our head by their work. */
  | { readonly kind: 'better'; readonly headers: HeaderChain }
  | { readonly kind: 'not better' }
  /** It leaves our chain deeper than a reorg may reach. */
  | { readonly kind: 'too deep' }

/**
 * Fetches the headers by which a peer's chain differs from ours, and checks them before anything is stored or
 * any message is fetched. Throws where the peer fails or shows what does not hold.
 */
export async function findBetter(
  source: ChainSource,
  claim: HeadClaim,
  chain: Chain,
  now: () => number,
  signal: AbortSignal
): Promise<Found> {
  const height = await commonHeight(source, claim, chain)
  if (height === undefined) return { kind: 'too deep' }
  const common = chain.headerAt(height)
  const place = common && chain.place(common.id)
  // The root has moved meanwhile; the next round sees further.
  if (place === undefined) return { kind: 'not better' }
  const headers = new HeaderChain(chain.rules, place)
  while (headers.ids.length < LIMITS.syncHeaders && !signal.aborted) {
    const from = headers.head.header.height + 1
    for await (const signed of source.headerPage(from, LIMITS.rangeHeaders)) {
      const fault = headers.add(signed, now())
      if (fault !== undefined && isPassingFault(fault)) break
      if (fault !== undefined) throw Untrue.fault(fault)
      if (chain.isCondemned(signed.id)) throw new Untrue('its chain holds a block that is not valid')
    }
    if (headers.head.header.height < from) break
  }
  return isBetter(headers, chain) ? { kind: 'better', headers } : { kind: 'not better' }
}

/** Whether the head of verified headers would be ours, were its blocks valid. */
export function isBetter({ weight, head }: HeaderChain, chain: Chain): boolean {
  if (weight !== chain.weight()) return weight > chain.weight()
  return chain.rules.ordering.compare(head, chain.head()) < 0
}

/** The highest block that both main chains hold; undefined where it lies below the root. By bisection. */
async function commonHeight(
  source: ChainSource,
  claim: HeadClaim,
  chain: Chain
): Promise<number | undefined> {
  const isCommon = async (height: number): Promise<boolean> => {
    const ours = chain.headerAt(height)
    return ours !== undefined && equal(ours.id, (await source.headerAt(height)).id)
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
