import { type Fields, type Grant, InvalidOption } from '../../core/init-option.js'
import type { ApplicationInitContext } from '../application.js'

/** Throws InvalidOption where no account would ever have units, or one account is named twice. */
export function newSection(
  template: Fields,
  { grant = [], ...given }: Fields & { readonly grant?: readonly Grant[] },
  { isSet, rewards }: ApplicationInitContext
): Fields {
  const { reward = '0' } = given
  // Without an order, accounts may pay more than they have.
  if (!isSet && grant.length === 0 && reward === '0')
    throw new InvalidOption(
      `no account would ever have units: give an account some with --grant PEERID=AMOUNT${rewards ? ', or the producer of each block with --reward N' : ''}`
    )
  const accounts = Object.fromEntries(grant.map(({ to, amount }) => [to, amount]))
  if (Object.keys(accounts).length < grant.length) throw new InvalidOption('--grant names one account twice')
  return { ...template, accounts, ...given }
}
