import type { PeerIdBytes } from './bytes.js'
import { DecodeError } from './codec.js'
import { peerIdFromBytes } from './keys.js'
import type { Balance as WireBalance } from './wire/tallystick.js'

/** What an account has. Where nobody orders anything, below 0 if more was paid than is known to have come. */
export interface Balance {
  readonly id: PeerIdBytes
  readonly balance: bigint
}

export function encodeBalance({ id, balance }: Balance): WireBalance {
  return { id, balance: balance.toString() }
}

/** Throws DecodeError. */
export function decodeBalance({ id, balance }: WireBalance): Balance {
  if (!DIGITS.test(balance)) throw new DecodeError('balance: not a whole number in decimal digits')
  return { id: decodeAccountId(id), balance: BigInt(balance) }
}

/** More than all transfers there can ever be come to. */
const DIGITS = /^(0|-?[1-9][0-9]{0,39})$/

function decodeAccountId(bytes: Uint8Array): PeerIdBytes {
  try {
    return peerIdFromBytes(bytes)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new DecodeError(`balance: ${bytes.length} bytes name no account: ${why}`)
  }
}
