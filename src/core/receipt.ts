import { asHash, type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from './bytes.js'
import { DecodeError, decodeCanonical, expectLength } from './codec.js'
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
  const receipt = decodeCanonical('receipt', WireReceipt, opened.payload)
  if (!equal(receipt.network, network)) throw new DecodeError('receipt: for another network')
  if (receipt.entries.length === 0) throw new DecodeError('receipt: names no message')
  for (const entry of receipt.entries) expectLength('receipt leaf', entry.leaf, 32)
  return {
    network,
    author: receipt.author as PeerIdBytes,
    time: receipt.time,
    entries: receipt.entries.map(entry => ({ ...entry, leaf: asHash(entry.leaf) }))
  }
}
