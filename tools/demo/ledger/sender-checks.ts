import { type Check, demand } from '../../scenario/checks.js'
import { demandEnded } from '../../scenario/ends.js'
import type { Outcome } from './outcome.js'
import { sentenceOf, wordOf } from './stranger.js'
import { rightIn, type Wrong, wrongIn } from './wrong-transfers.js'

/** What clients and forgers were told. */
export function senderChecks(outcome: Outcome): Check[] {
  const { clients, exits, ordering } = outcome
  return [
    {
      name: 'clients',
      what: 'each payment that a client could make was taken; each client ended by itself',
      run: async () => {
        let taken = 0
        for (const [index, client] of clients.entries()) {
          const { name, payments } = client
          demand(
            client.taken.length === payments,
            `${name}: ${client.taken.length} of ${payments} were taken`
          )
          demandEnded(name, exits[index])
          taken += payments
        }
        return `${taken} payments of ${clients.length} clients`
      }
    },
    {
      name: 'client refuses',
      what: 'what no rule allows a client refuses with the reason, before it signs',
      run: async () => {
        let count = 0
        for (const { name, reasons, refused } of clients) {
          const told = refused.map(({ reason, sequence }) =>
            sequence === null ? reason : `signed, ${reason}`
          )
          demand(
            told.length === reasons.length && told.every((reason, index) => reason === reasons[index]),
            `${name} said: ${told.join(', ')}; it should have said: ${reasons.join(', ')}`
          )
          count += told.length
        }
        return `${count} times`
      }
    },
    ...wrongIn(ordering).map(wrong => wrongCheck(outcome, wrong)),
    ...rightIn(ordering).map(wrong => rightCheck(outcome, wrong))
  ]
}

function wrongCheck({ forgers }: Outcome, wrong: Wrong): Check {
  return {
    name: wrong.name,
    what: wrong.told === 'known' ? 'is known, and counts once' : `is refused: ${wrong.told}`,
    run: async () => {
      const attempts = forgers.flatMap(forger => forger.attempts.filter(each => each.wrong === wrong))
      demand(attempts.length > 0, 'it was never tried')
      for (const { told } of attempts) demand(wordOf(told) === wrong.told, `was told ${sentenceOf(told)}`)
      return `${attempts.length} times`
    }
  }
}

function rightCheck({ forgers }: Outcome, wrong: Wrong): Check {
  return {
    name: wrong.name,
    what: 'is valid where nobody orders, and counts everywhere',
    run: async () => {
      const said = forgers.flatMap(({ counted }) => counted.filter(each => each.wrong === wrong))
      demand(said.length > 0, 'it was never tried')
      for (const { told } of said) demand(told.kind === 'accepted', `was told ${sentenceOf(told)}`)
      return `${said.length} times`
    }
  }
}
