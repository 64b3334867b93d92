import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from './bytes.js'
import { DecodeError, decodeCanonical, decodeHash } from './codec.js'
import { openEnvelopeOf, signEnvelope } from './envelope.js'
import type { Signer, VerifierCache } from './keys.js'
import { Receipt as WireReceipt } from './wire/tallystick.js'

export interface ReceiptEntry {
  readonly sequence: bigint
  readonly position: number
  readonly leaf: Hash
}

/** The sequencer's word on where messages of one author stand. `time` in ms since 1970. */
export interface Receipt {
  readonly network: Hash
  readonly author: PeerIdBytes
  readonly time: number
  readonly entries: readonly ReceiptEntry[]
}

export function signReceipt(receipt: Receipt, signer: Signer): EnvelopeBytes {
  return signEnvelope('receipt', WireReceipt.encode({ ...receipt, entries: [...receipt.entries] }), signer)
}

/** Throws DecodeError unless the sequencer signed it for this network. */
export function readReceipt(
  bytes: Uint8Array,
  network: Hash,
  sequencer: PeerIdBytes,
  verifiers: VerifierCache
): Receipt {
  const opened = openEnvelopeOf(sequencer, 'receipt', bytes, verifiers)
  if (!opened.ok) throw new DecodeError(`receipt: ${opened.detail}`)
  const receipt = decodeReceipt(opened.payload)
  if (!equal(receipt.network, network)) throw new DecodeError('receipt: for another network')
  return receipt
}

/** What a receipt says, before it is known who says it. Throws DecodeError. */
export function decodeReceipt(payload: Uint8Array): Receipt {
  const receipt = decodeCanonical('receipt', WireReceipt, payload)
  if (receipt.entries.length === 0) throw new DecodeError('receipt: names no message')
  return {
    network: decodeHash('receipt network', receipt.network),
    author: receipt.author as PeerIdBytes,
    time: receipt.time,
    entries: receipt.entries.map(entry => ({ ...entry, leaf: decodeHash('receipt leaf', entry.leaf) }))
  }
}
