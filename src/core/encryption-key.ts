import { type EnvelopeBytes, equal, type Hash, type PeerIdBytes } from './bytes.js'
import { DecodeError, decodeCanonical, expectLength } from './codec.js'
import { openEnvelopeOf, signEnvelope } from './envelope.js'
import type { Signer, VerifierCache } from './keys.js'
import { KEY_ID_LENGTH } from './message.js'
import { keyIdOf, type SealingKey } from './sealing.js'
import { EncryptionKey } from './wire/tallystick.js'

/** The certificate of the sequencer's encryption key: signed by its identity, for one network. */

/** What a certificate says. One of before there were serials has 0 for both numbers. */
export interface CertifiedKey extends SealingKey {
  /** The sequencer gives each certificate a higher one than the last. */
  readonly serial: number
  /** ms since 1970: nothing is sealed under it later than that. */
  readonly until: number
}

export function certifyKey(key: CertifiedKey, network: Hash, signer: Signer): EnvelopeBytes {
  const { keyId, publicKey, serial, until } = key
  return signEnvelope(
    'encryptionKey',
    EncryptionKey.encode({ network, keyId, publicKey, serial, until }),
    signer
  )
}

/** The certified key. Throws DecodeError if anyone else signed it, or for another network. */
export function readCertificate(
  bytes: Uint8Array,
  network: Hash,
  sequencer: PeerIdBytes,
  verifiers: VerifierCache
): CertifiedKey {
  const opened = openEnvelopeOf(sequencer, 'encryptionKey', bytes, verifiers)
  if (!opened.ok) throw new DecodeError(`encryption key: ${opened.detail}`)
  const key = decodeCanonical('encryption key', EncryptionKey, opened.payload)
  const { keyId, publicKey, serial, until } = key
  expectLength('encryption key', publicKey, 32)
  expectLength('encryption key id', keyId, KEY_ID_LENGTH)
  if (!equal(key.network, network)) throw new DecodeError('encryption key: for another network')
  if (!equal(keyId, keyIdOf(publicKey))) throw new DecodeError('encryption key: the id is not its own')
  if ((serial === 0) !== (until === 0))
    throw new DecodeError('encryption key: of serial and end it has only one')
  return { keyId, publicKey, serial, until }
}

/** True for a certificate that cannot be told from an older or a newer one. */
export function isUndated({ serial }: CertifiedKey): boolean {
  return serial === 0
}
