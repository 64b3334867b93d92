import type { CertifiedKey } from '#src/core/encryption-key.js'
import { readCertificate } from '#src/core/encryption-key.js'
import { VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import type { SealingKey } from '#src/core/sealing.js'
import type { SequencerQueries } from '#src/query/sequencer-queries.js'
import type { TestNetwork } from './networks.js'

/** As certificates were before they had serials. */
export function undated({ keyId, publicKey }: SealingKey): CertifiedKey {
  return { keyId, publicKey, serial: 0, until: 0 }
}

/** What a sequencer certifies that has just signed this one. */
export function dated({ keyId, publicKey }: SealingKey, serial: number, now = Date.now()): CertifiedKey {
  return { keyId, publicKey, serial, until: now + LIMITS.certificateLifeMs }
}

/** The encryption key that a peer gives. Throws where its certificate does not hold. */
export async function sealingKeyOf(
  asker: SequencerQueries,
  { network, sequencer }: TestNetwork
): Promise<CertifiedKey> {
  return readCertificate(await asker.certificate(), network.id, sequencer, new VerifierCache())
}
