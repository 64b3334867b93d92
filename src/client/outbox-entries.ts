import type { Write } from '../chain/store.js'
import type { EnvelopeBytes, Hash } from '../core/bytes.js'
import { decodeEnvelope } from '../core/envelope.js'
import type { MessageId } from '../core/events.js'
import { leafHash } from '../core/merkle.js'
import { type Body, decodeMessage } from '../core/message.js'

/** A message that is on disk here and has no receipt yet. */
export interface Unreceipted {
  readonly sequence: bigint
  readonly leaf: Hash
  readonly envelope: EnvelopeBytes
  /** The encryption key it is sealed to; empty where it is open. */
  readonly keyId: Uint8Array
  readonly id?: MessageId | undefined
}

/** What is to be said. */
export interface Draft {
  readonly body: Uint8Array
  /** Where it pays something: its number. Else it gets the next sequence of the outbox. */
  readonly payment?: Payment
  readonly id?: MessageId | undefined
  /** Its key in the database, where it had to wait there. */
  readonly storedAt?: Uint8Array
}

/** The number of a transfer in its account, and what it takes from there. */
export interface Payment {
  readonly sequence: bigint
  /** Amount and fee. */
  readonly units: bigint
}

/** A message with the draft that it came of. */
export interface Stored {
  readonly message: Unreceipted
  readonly draft: Draft
}

export const LAST_SEQUENCE = 2n ** 64n - 1n

/** Holds the sequence that the next message gets. Every outbox has it from its first message on. */
export const NEXT = Uint8Array.of(0x73)

/** The head that a light client verified last, in the same folder. */
export const VERIFIED_HEAD_KEY = Uint8Array.of(0x64)

/** `encrypt`: how a body that is sealed lies on the disk. Where a draft of it lies there, it goes. */
export function writesOf(
  { message, draft: { body, payment, storedAt } }: Stored,
  encrypt: (place: Uint8Array, body: Uint8Array) => Uint8Array
): Write[] {
  const { sequence, envelope, keyId } = message
  const writes: Write[] = [{ type: 'put', key: numbered('o', sequence), value: envelope }]
  // An open message holds its body itself.
  if (keyId.length > 0)
    writes.push({ type: 'put', key: numbered('p', sequence), value: encrypt(bigEndian(sequence), body) })
  if (payment !== undefined)
    writes.push({ type: 'put', key: paymentKey(sequence), value: bigEndian(payment.units) })
  if (storedAt !== undefined) writes.push({ type: 'del', key: storedAt })
  return writes
}

export function deletionsOf({ sequence }: Unreceipted): Write[] {
  return [
    { type: 'del', key: numbered('o', sequence) },
    { type: 'del', key: numbered('p', sequence) }
  ]
}

export function paymentKey(sequence: bigint): Uint8Array {
  return numbered('w', sequence)
}

/** The `id` of one that is sealed is not in it. Throws DecodeError. */
export function readUnreceipted(envelope: EnvelopeBytes): Unreceipted {
  const { sequence, body } = decodeMessage(decodeEnvelope(envelope).payload)
  const id = body.kind === 'open' ? idIn(body.bytes) : undefined
  return { sequence, leaf: leafHash(envelope), envelope, keyId: keyIdOf(body), id }
}

/** The `id` that a message gives itself. Undefined where it has none, or is no JSON object. */
export function idIn(body: Uint8Array): MessageId | undefined {
  try {
    return idOf(JSON.parse(new TextDecoder().decode(body)))
  } catch {
    return undefined
  }
}

/** The same of one that is not encoded yet. */
export function idOf(value: unknown): MessageId | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined
  const { id } = value
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}

export function keyIdOf(body: Body): Uint8Array {
  return body.kind === 'sealed' ? body.sealed.keyId : NOTHING
}

const NOTHING = new Uint8Array(0)

export function counted(count: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(count)
  return bytes
}

export function bigEndian(number: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(number)
  return bytes
}

export function numbered(prefix: string, number: bigint): Buffer {
  return Buffer.concat([Buffer.from(prefix), bigEndian(number)])
}
