import { InvalidArgumentError } from 'commander'
import { accountFromText } from '../applications/ledger/account.js'
import type { Grant } from '../core/init-option.js'
import { peerIdFromText, peerIdToString } from '../core/keys.js'
import { U64_MAX, u64FromText } from '../core/u64.js'
import { addressFrom, addressProblem } from '../network/addresses.js'

/** Parsers of option values; commander turns what they throw into one sentence and exit code 2. */

export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return text => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(
        `It must be a whole number from ${least}${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : ' up'}.`
      )
    return value
  }
}

export function positiveNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || !(value > 0 && value <= 100_000))
    throw new InvalidArgumentError('It must be a number over 0, up to 100000.')
  return value
}

/** A multiaddr, also where a person gives host and port. */
export function address(text: string): string {
  const found = addressFrom(text)
  if (found === undefined)
    throw new InvalidArgumentError(`${addressProblem(text).replace(/^./, first => first.toUpperCase())}.`)
  return found
}

/** For options that may be given more than once. */
export function addresses(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), address(text)]
}

/** For options that may be given more than once. */
export function peerIds(text: string, before: readonly string[] | undefined): readonly string[] {
  try {
    return [...(before ?? []), peerIdToString(peerIdFromText(text))]
  } catch (error) {
    throw notAPeerId(error instanceof Error ? error.message : String(error))
  }
}

/** The PeerId of a public key. */
export function account(text: string): string {
  const read = accountFromText(text)
  if (!read.ok) throw notAPeerId(read.problem)
  return text
}

function notAPeerId(problem: string): InvalidArgumentError {
  return new InvalidArgumentError(`It must be the PeerId of a public key, such as 12D3KooW…: ${problem}.`)
}

/** A u64 in decimal digits, as it stands in JSON. */
export function units(text: string): string {
  if (u64FromText(text) === undefined)
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${U64_MAX}.`)
  return text
}

/** For options that may be given more than once. */
export function grants(text: string, before: readonly Grant[] | undefined): readonly Grant[] {
  const [to, amount, ...more] = text.split('=')
  if (to === undefined || amount === undefined || amount === '0' || more.length > 0)
    throw new InvalidArgumentError('It must be PEERID=AMOUNT, such as 12D3KooW…=1000, with 1 or more.')
  return [...(before ?? []), { to: account(to), amount: units(amount) }]
}

export const DEFAULTS = {
  network: 'config/network.json',
  sequencer: '/ip4/127.0.0.1/tcp/4100',
  ownerKey: 'keys/miner.owner.key',
  clientKey: 'keys/client.key',
  anyPort: '/ip4/127.0.0.1/tcp/0'
} as const
