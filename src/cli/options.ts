import { multiaddr } from '@multiformats/multiaddr'
import { InvalidArgumentError } from 'commander'
import { peerIdFromText, peerIdToString } from '../core/keys.js'
import { addressFrom } from '../network/addresses.js'

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

export function compactTarget(text: string): string {
  if (!/^[0-9a-f]{8}$/.test(text))
    throw new InvalidArgumentError('It must be a target in compact form: 8 hex digits, such as 1e00ffff.')
  return text
}

export function address(text: string): string {
  try {
    multiaddr(text)
    return text
  } catch {
    throw new InvalidArgumentError('It must be a multiaddr, such as /ip4/127.0.0.1/tcp/4100.')
  }
}

/** For options that may be given more than once. */
export function addresses(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), address(text)]
}

/** For options that may be given more than once. */
export function peerIds(text: string, before: readonly string[] | undefined): readonly string[] {
  try {
    return [...(before ?? []), peerIdToString(peerIdFromText(text))]
  } catch {
    throw new InvalidArgumentError('It must be a PeerId, such as 12D3KooW….')
  }
}

/** A multiaddr, also where a person gives host and port. */
function hostAddress(text: string): string {
  const found = addressFrom(text)
  if (found === undefined) throw new InvalidArgumentError(`It must be ${ADDRESS_FORMS}.`)
  return found
}

export const ADDRESS_FORMS =
  'host:port, such as 127.0.0.1:4100, or a multiaddr, such as /ip4/127.0.0.1/tcp/4100'

export function hostAddresses(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), hostAddress(text)]
}

export const DEFAULTS = {
  network: 'config/network.json',
  sequencer: '/ip4/127.0.0.1/tcp/4100',
  ownerKey: 'keys/miner.owner.key',
  anyPort: '/ip4/127.0.0.1/tcp/0'
} as const
