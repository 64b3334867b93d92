import { type Check, demand } from '../../scenario/checks.js'
import { REWARD } from './grants.js'
import { acceptedIn, contestsIn, type Outcome, winnersOf } from './outcome.js'
import { ReferenceLedger, sumOf } from './reference.js'
import { nameOf, type SignedTransfer } from './signed-transfer.js'
import type { View } from './view.js'

/** What the peers have come to: of each of them, and held against what is known to have been accepted. */
export function stateChecks(outcome: Outcome, views: () => Promise<readonly View[]>): Check[] {
  const { ordering } = outcome
  return [
    {
      name: 'one digest',
      what:
        ordering === 'none'
          ? 'all peers have the digest of one set'
          : 'all peers have one head, and its state one digest',
      run: async () => {
        const [first, ...others] = await views()
        demand(first !== undefined, 'there is no peer')
        for (const { peer, digest, head } of others)
          demand(
            digest === first.digest && head === first.head,
            `${peer} has ${digest}, ${first.peer} has ${first.digest}`
          )
        return `${first.digest} at ${others.length + 1} peers`
      }
    },
    {
      name: 'exactly once',
      what: 'each accepted transfer stands once with each peer, and nothing else does',
      run: async () => {
        const accepted = acceptedIn(outcome).map(nameOf)
        const contested = new Set(contestsIn(outcome).flatMap(({ pair }) => pair.map(nameOf)))
        for (const { peer, transfers } of await views()) {
          const standing = transfers.map(nameOf)
          const left = new Set<string>()
          for (const name of standing) {
            demand(!left.has(name), `${peer} has twice: ${name}`)
            left.add(name)
          }
          for (const name of accepted) demand(left.delete(name), `${peer} has not: ${name}`)
          for (const name of left) demand(contested.has(name), `${peer} has what nobody accepted: ${name}`)
        }
        return `${accepted.length} transfers`
      }
    },
    {
      name: 'supply',
      what: SUPPLIES[ordering],
      run: async () => {
        const granted = sumOf(outcome.grants.values())
        const found: bigint[] = []
        for (const { peer, balances, blocks, transfers } of await views()) {
          const made = ordering === 'work' ? REWARD * BigInt(blocks.length) : 0n
          const gone = ordering === 'none' ? sumOf(transfers.map(({ fee }) => fee)) : 0n
          const sum = sumOf(balances.values())
          const due = granted + made - gone
          demand(sum === due, `${peer}: the balances are ${sum} together, and should be ${due}`)
          found.push(sum)
        }
        return `${found[0]}, of ${granted} granted`
      }
    },
    {
      name: 'balances',
      what: "each account's is what another, simpler ledger makes of the accepted transfers",
      run: async () => {
        let accounts = 0
        for (const view of await views()) {
          const { balances } = referenceFor(outcome, view)
          for (const account of new Set([...balances.keys(), ...view.balances.keys()])) {
            const [due, shown] = [balances.get(account) ?? 0n, view.balances.get(account) ?? 0n]
            demand(due === shown, `${view.peer}: ${account} has ${shown}, and should have ${due}`)
            demand(ordering === 'none' || shown >= 0n, `${view.peer}: ${account} has ${shown}`)
          }
          accounts = view.balances.size
        }
        return `${accounts} accounts`
      }
    }
  ]
}

const SUPPLIES = {
  sequencer: 'all balances are what was granted, together: fees go to the sequencer',
  work: 'all balances are what was granted and the reward of each block, together',
  none: 'all balances are what was granted less all fees, together: these go to nobody'
} as const

/** What the transfers known to be accepted make, with those of contradicting ones that the peer has. */
function referenceFor(outcome: Outcome, view: View): ReferenceLedger {
  const shown = new Set(view.transfers.map(nameOf))
  const won = contestsIn(outcome).flatMap(({ pair }) => pair.filter(each => shown.has(nameOf(each))))
  const known = new Map([...acceptedIn(outcome), ...won].map(each => [nameOf(each), each]))
  const reference = new ReferenceLedger(outcome.grants)
  for (const transfer of known.values()) reference.pay(transfer)
  let next = 0
  for (const { producer, count } of view.blocks) {
    const inBlock = view.transfers.slice(next, next + count)
    next += count
    const fees = sumOf(inBlock.map(transfer => known.get(nameOf(transfer))?.fee ?? 0n))
    reference.credit(producer, fees + (outcome.ordering === 'work' ? REWARD : 0n))
  }
  return reference
}

/** Of two transfers of one balance: which of them stand, the same ones with all peers. */
export async function standingOf(
  pair: readonly SignedTransfer[],
  outcome: Outcome,
  views: readonly View[]
): Promise<readonly SignedTransfer[]> {
  let before: readonly SignedTransfer[] | undefined
  for (const { peer, transfers } of views) {
    const names = new Set(transfers.map(nameOf))
    const standing = pair.filter(transfer => names.has(nameOf(transfer)))
    const due = winnersOf(outcome.ordering)
    demand(standing.length === due, `${peer} has ${standing.length} of the two, and should have ${due}`)
    demand(
      before === undefined || standing.every((transfer, index) => transfer === before?.[index]),
      `${peer} has another one of the two than the others`
    )
    before = standing
  }
  return before ?? []
}
