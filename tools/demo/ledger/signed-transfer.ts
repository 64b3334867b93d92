import { decodeTransfer, encodeTransfer } from '#src/applications/ledger/transfer.js'
import type { EnvelopeBytes, Hash, PeerIdBytes } from '#src/core/bytes.js'
import { decodeEnvelope, signEnvelope } from '#src/core/envelope.js'
import { peerIdFromText, peerIdToString, type Signer } from '#src/core/keys.js'
import { decodeMessage, encodeMessage, type Message } from '#src/core/message.js'

/** What an author has signed. Accounts are PeerIds in their usual text. */
export interface SignedTransfer {
  readonly author: string
  readonly sequence: bigint
  readonly to: string
  readonly amount: bigint
  readonly fee: bigint
}

/** The same for two that say the same, whoever shows them. */
export function nameOf({ author, sequence, to, amount, fee }: SignedTransfer): string {
  return `${author}'s transfer ${sequence} of ${amount} to ${to} with a fee of ${fee}`
}

/** Throws DecodeError, also where it is another kind of message. */
export function readSigned(envelope: EnvelopeBytes): SignedTransfer {
  const { author, sequence, body } = decodeMessage(decodeEnvelope(envelope).payload)
  if (body.kind !== 'open') throw new TypeError('a transfer is open')
  const { to, amount, fee } = decodeTransfer(body.bytes)
  return { author: peerIdToString(author), sequence, to: peerIdToString(to), amount, fee }
}

export function signTransfer(
  signer: Signer,
  network: Hash,
  { sequence, to, amount, fee }: Omit<SignedTransfer, 'author'>
): EnvelopeBytes {
  const body = encodeTransfer({ to: peerIdFromText(to), amount, fee })
  return signBody(signer, network, sequence, body)
}

/** Whatever the body says. */
export function signBody(signer: Signer, network: Hash, sequence: bigint, bytes: Uint8Array): EnvelopeBytes {
  const author: PeerIdBytes = signer.peerId
  const message: Message = { network, author, sequence, time: Date.now(), body: { kind: 'open', bytes } }
  return signEnvelope('message', encodeMessage(message), signer)
}
