import { readSignedHeader, type SignedHeader } from './block.js'
import { equal } from './bytes.js'
import { DecodeError } from './codec.js'
import { describeFault } from './fault.js'
import type { VerifierCache } from './keys.js'
import { type Network, sequencerOf } from './network.js'

/** A header on its own, without its checkpoint. Throws DecodeError unless the network's sequencer signed it. */
export function readSequencerHeader(
  what: string,
  envelope: Uint8Array,
  network: Network,
  verifiers: VerifierCache
): SignedHeader {
  const read = readSignedHeader(envelope, verifiers)
  if (!read.ok) throw new DecodeError(`${what}: ${describeFault(read.fault)}`)
  const { header } = read.signed
  if (!equal(header.network, network.id)) throw new DecodeError(`${what}: a block of another network`)
  if (!equal(header.producer, sequencerOf(network)))
    throw new DecodeError(`${what}: a block that the sequencer did not sign`)
  return read.signed
}
