import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from './bytes.js'
import { DecodeError, decodeCanonical, expectLength } from './codec.js'
import { openEnvelopeOf, signEnvelope } from './envelope.js'
import type { Signer, VerifierCache } from './keys.js'
import { KEY_ID_LENGTH } from './message.js'
import { keyIdOf, type SealingKey } from './sealing.js'
import { EncryptionKey } from './wire/tallystick.js'

/** The certificate of the sequencer's encryption key: signed by its identity, for one network. */

export function certifyKey(key: SealingKey, network: Hash, signer: Signer): EnvelopeBytes {
  const { keyId, publicKey } = key
  return signEnvelope('encryptionKey', EncryptionKey.encode({ network, keyId, publicKey }), signer)
}

/** The certified key. Throws DecodeError if anyone else signed it, or for another network. */
export function readCertificate(
  bytes: Uint8Array,
  network: Hash,
  sequencer: PeerIdBytes,
  verifiers: VerifierCache
): SealingKey {
  const opened = openEnvelopeOf(sequencer, 'encryptionKey', bytes, verifiers)
  if (!opened.ok) throw new DecodeError(`encryption key: ${opened.detail}`)
  const key = decodeCanonical('encryption key', EncryptionKey, opened.payload)
  expectLength('encryption key', key.publicKey, 32)
  expectLength('encryption key id', key.keyId, KEY_ID_LENGTH)
  if (!equal(key.network, network)) throw new DecodeError('encryption key: for another network')
  if (!equal(key.keyId, keyIdOf(key.publicKey)))
    throw new DecodeError('encryption key: the id is not its own')
  return { keyId: key.keyId, publicKey: key.publicKey }
}
