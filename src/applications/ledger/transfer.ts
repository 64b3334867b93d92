import type { PeerIdBytes } from '../../core/bytes.js'
import { DecodeError, decodeCanonical } from '../../core/codec.js'
import { problemOfName } from '../../core/keys.js'
import type { Body } from '../../core/message.js'
import { type Refusal, refusal } from '../../core/refusal.js'
import { U64_MAX, u64FromText } from '../../core/u64.js'
import { Transfer as WireTransfer } from '../../core/wire/tallystick.js'
import type { EncodedBody } from '../application.js'
import { accountFromText } from './account.js'

/** What an author has moved from the own account to another one. The author pays `fee` on top of `amount`. */
export interface Transfer {
  readonly to: PeerIdBytes
  readonly amount: bigint
  readonly fee: bigint
}

export function encodeTransfer(transfer: Transfer): Uint8Array {
  return WireTransfer.encode(transfer)
}

/** Throws DecodeError. */
export function decodeTransfer(bytes: Uint8Array): Transfer {
  const { to, amount, fee } = decodeCanonical('transfer', WireTransfer, bytes)
  return { to: to as PeerIdBytes, amount, fee }
}

export type ReadTransfer =
  | { readonly ok: true; readonly transfer: Transfer }
  | { readonly ok: false; readonly refusal: Refusal }

/** Reads a transfer whose numbers make sense. Whether its receiver can have an account is `checkReceiver`'s to say. */
export function readTransfer(body: Body, leastFee: bigint): ReadTransfer {
  if (body.kind !== 'open')
    return { ok: false, refusal: refusal('not open', 'a transfer must be open: everybody has to read it') }
  try {
    const transfer = decodeTransfer(body.bytes)
    const problem = checkNumbers(transfer, leastFee)
    return problem === undefined ? { ok: true, transfer } : { ok: false, refusal: problem }
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, refusal: refusal('bad encoding', error.message) }
    throw error
  }
}

export function checkReceiver({ to }: Transfer): Refusal | undefined {
  const problem = problemOfName(to)
  return problem === undefined ? undefined : refusal('bad account', `to: ${problem}`)
}

export function checkTransferBody(bytes: Uint8Array, leastFee: bigint): Refusal | undefined {
  const read = readTransfer({ kind: 'open', bytes }, leastFee)
  return read.ok ? checkReceiver(read.transfer) : read.refusal
}

function checkNumbers({ amount, fee }: Transfer, leastFee: bigint): Refusal | undefined {
  if (amount < 1n) return refusal('bad amount', 'the amount must be 1 or more')
  if (amount + fee > U64_MAX)
    return refusal('bad amount', `amount and fee together are over ${U64_MAX}, more than there can be`)
  if (fee < leastFee)
    return refusal('fee too low', `the fee is ${fee}; this network takes ${leastFee} or more`)
  return undefined
}

/** From JSON as people write it: {to: PeerId, amount: digits, fee: digits}; without a fee it is the least one. */
export function encodeTransferValue(value: unknown, leastFee: bigint): EncodedBody {
  if (!isRecord(value)) return { refusal: refusal('bad schema', SHAPE) }
  const { to, amount, fee = String(leastFee), ...others } = value
  if (typeof to !== 'string' || Object.keys(others).length > 0)
    return { refusal: refusal('bad schema', SHAPE) }
  const account = accountFromText(to)
  if (!account.ok) return { refusal: refusal('bad account', `to: ${account.problem}`) }
  const [units, paid] = [u64Of(amount), u64Of(fee)]
  if (units === undefined || paid === undefined)
    return { refusal: refusal('bad amount', `amount and fee are decimal digits in quotes, up to ${U64_MAX}`) }
  const transfer = { to: account.id, amount: units, fee: paid }
  const problem = checkNumbers(transfer, leastFee)
  return problem === undefined ? { body: encodeTransfer(transfer) } : { refusal: problem }
}

const SHAPE = 'a transfer is {"to": PeerId, "amount": "1", "fee": "0"}'

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function u64Of(value: unknown): bigint | undefined {
  return typeof value === 'string' ? u64FromText(value) : undefined
}
