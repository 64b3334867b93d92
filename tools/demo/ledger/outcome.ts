import type { Exit } from '../../localnet/index.js'
import type { OrderingName } from '../../localnet/orderings.js'
import type { ClientPart } from './client-part.js'
import type { Contest } from './contest.js'
import type { ForgerPart } from './forger-part.js'
import type { SignedTransfer } from './signed-transfer.js'

/** What was sent, and what those who sent it were told. What peers have of it is asked by the checks. */
export interface Outcome {
  readonly ordering: OrderingName
  readonly grants: ReadonlyMap<string, bigint>
  readonly clients: readonly Pick<
    ClientPart,
    'name' | 'account' | 'payments' | 'taken' | 'reasons' | 'refused'
  >[]
  /** How each of them ended, in their order; undefined where it was still running at the end of its time. */
  readonly exits: readonly (Exit | undefined)[]
  readonly forgers: readonly Pick<ForgerPart, 'paid' | 'attempts' | 'counted'>[]
  readonly doubleSpend: Contest
  /** The same on both sides of a divided network; undefined where it was not divided. */
  readonly divided: Divided | undefined
  /** The name of the peer that came in the middle. */
  readonly late: string
}

export interface Divided extends Contest {
  /** What each side had come to when it was made whole again; undefined where one of them had not come to one. */
  readonly digests: readonly [string, string] | undefined
}

/** Those that were taken and must count, but for those of which only one can. */
export function acceptedIn({ clients, forgers }: Pick<Outcome, 'clients' | 'forgers'>): SignedTransfer[] {
  return [
    ...clients.flatMap(({ taken }) => taken),
    ...forgers.flatMap(({ paid, counted }) => [paid, ...counted.map(({ transfer }) => transfer)])
  ]
}

export function contestsIn({ doubleSpend, divided }: Outcome): Contest[] {
  return divided === undefined ? [doubleSpend] : [doubleSpend, divided]
}

/** How many of two contradicting transfers count. */
export function winnersOf(ordering: OrderingName): number {
  return ordering === 'none' ? 2 : 1
}
