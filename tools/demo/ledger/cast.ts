import type { LedgerSection } from '#src/applications/ledger/section.js'
import type { OrderingName } from '../../localnet/orderings.js'
import { GRANT, LEAST_FEE, REWARD } from './grants.js'
import { type Holder, makeHolder, makeHolders } from './holder.js'

/** Strangers live in this process: more of them would only take time from the peers. */
const MOST_FORGERS = 4

/** All who have an account. */
export interface Cast {
  readonly clients: readonly Holder[]
  readonly forgers: readonly Holder[]
  /** Each spends one balance twice: at once, and on both sides of a divided network. */
  readonly spenders: readonly [Holder, Holder]
  /** Has nothing at first. */
  readonly newcomer: Holder
}

export async function makeCast(clients: number): Promise<Cast> {
  return {
    clients: await makeHolders(clients),
    forgers: await makeHolders(Math.min(clients, MOST_FORGERS)),
    spenders: [await makeHolder(), await makeHolder()],
    newcomer: await makeHolder()
  }
}

/** Whom anybody may pay. */
export function receiversIn({ clients, newcomer }: Cast): string[] {
  return [...clients, newcomer].map(({ account }) => account)
}

export function grantsOf({ clients, forgers, spenders }: Cast): ReadonlyMap<string, bigint> {
  return new Map([...clients, ...forgers, ...spenders].map(({ account }) => [account, GRANT]))
}

export function ledgerOf(grants: ReadonlyMap<string, bigint>, ordering: OrderingName): LedgerSection {
  return {
    type: 'ledger',
    accounts: Object.fromEntries([...grants].map(([account, units]) => [account, String(units)])),
    leastFee: String(LEAST_FEE),
    ...(ordering === 'work' && { reward: String(REWARD) })
  }
}
