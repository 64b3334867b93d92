import { type Fields, type Grant, InvalidOption } from '../../core/init-option.js'
import type { ApplicationInitContext } from '../application.js'

/** Throws InvalidOption where nobody could ever pay, or an account is named twice. */
export function newSection(
  template: Fields,
  { grant = [], ...given }: Fields & { readonly grant?: readonly Grant[] },
  { isSet, rewards }: ApplicationInitContext
): Fields {
  const { reward = '0' } = given
  // Without an order who has nothing can pay, too.
  if (!isSet && grant.length === 0 && reward === '0')
    throw new InvalidOption(
      `nobody would ever have anything: name who has what at first with --grant PEERID=AMOUNT${rewards ? ', or what each block makes with --reward N' : ''}`
    )
  const accounts = Object.fromEntries(grant.map(({ to, amount }) => [to, amount]))
  if (Object.keys(accounts).length < grant.length) throw new InvalidOption('--grant names one account twice')
  return { ...template, accounts, ...given }
}
