import { type Check, demand } from '../../scenario/checks.js'
import { GRANT } from './grants.js'
import { contestsIn, type Outcome } from './outcome.js'
import { standingOf } from './state-checks.js'
import { wordOf } from './stranger.js'
import type { View } from './view.js'

/** What became of two transfers of one balance, and of one that came late. */
export function contestChecks(outcome: Outcome, views: () => Promise<readonly View[]>): Check[] {
  const { ordering, doubleSpend, divided, late } = outcome
  const isUnordered = ordering === 'none'
  return [
    {
      name: 'double spend',
      what: isUnordered
        ? 'one balance paid twice at once: both count everywhere, and it is below 0'
        : 'one balance paid twice at once: one of the two stands, the same everywhere',
      run: async () => {
        const shown = await views()
        const told = doubleSpend.told.map(wordOf)
        demand(told.includes('accepted'), `nobody accepted either: ${told.join(', ')}`)
        const standing = await standingOf(doubleSpend.pair, outcome, shown)
        expectPaid(outcome, shown)
        return `${standing.length} of them, which were told: ${told.join(', ')}`
      }
    },
    ...(ordering === 'sequencer'
      ? []
      : [
          {
            name: 'partition',
            what: isUnordered
              ? 'one balance paid on both sides of a divided network: healed, all have both'
              : 'one balance paid on both sides of a divided network: healed, all have the same one',
            run: async () => {
              demand(divided !== undefined, 'it was not divided, as the peers did not agree before')
              const told = divided.told.map(wordOf)
              demand(
                told.every(word => word === 'accepted'),
                `they were told: ${told.join(', ')}`
              )
              demand(divided.digests !== undefined, 'a side did not agree by itself on what was paid there')
              const [one, other] = divided.digests
              demand(one !== other, 'both sides had the same while they were divided')
              const standing = await standingOf(divided.pair, outcome, await views())
              return `${one.slice(0, 16)}… and ${other.slice(0, 16)}… before, ${standing.length} of the two now`
            }
          }
        ]),
    {
      name: 'late peer',
      what: 'one that came in the middle has all that was before it',
      run: async () => {
        const shown = await views()
        const [latecomer, first] = [shown.find(({ peer }) => peer === late), shown[0]]
        demand(latecomer !== undefined && first !== undefined, `${late} was not asked`)
        const [has, should] = [latecomer.transfers.length, first.transfers.length]
        demand(has === should, `it has ${has} transfers, the others have ${should}`)
        return `${has} transfers`
      }
    }
  ]
}

/** An account that was spent twice: empty where one transfer counts, overdrawn where both do. */
function expectPaid(outcome: Outcome, views: readonly View[]): void {
  const due = outcome.ordering === 'none' ? -GRANT : 0n
  for (const { pair } of contestsIn(outcome))
    for (const { peer, balances } of views) {
      const left = balances.get(pair[0].author)
      demand(left === due, `${peer}: whoever paid twice has ${left}, and should have ${due}`)
    }
}
