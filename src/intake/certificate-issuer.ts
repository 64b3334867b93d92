import type { SequencerMark } from '../chain/signed-mark.js'
import { CERTIFICATE_KEY, type Database, expectStored, writeDurably } from '../chain/store.js'
import { type EnvelopeBytes, equal } from '../core/bytes.js'
import { certifyKey, readCertificate } from '../core/encryption-key.js'
import { type Signer, VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import type { Network } from '../core/network.js'
import type { SealingKey } from '../core/sealing.js'

export interface CertificateIssuerOptions {
  readonly database: Database
  readonly network: Network
  readonly signer: Signer
  /** ms since 1970. */
  readonly now: () => number
  /** A monotonic clock, ms. */
  readonly clock: () => number
  /** What is kept beside the identity key, apart from the folder. */
  readonly mark?: Pick<SequencerMark, 'lastSerial' | 'certified'> | undefined
}

interface Issued {
  readonly key: SealingKey
  readonly certificate: EnvelopeBytes
  readonly until: number
  /** By the monotonic clock. */
  readonly at: number
}

/**
 * Signs the certificates of the sequencer's encryption keys. Each has a higher serial than the one before, over all
 * rotations and restarts: it is on disk before any peer sees it, beside the key as well, so that it also grows where the
 * folder was lost. It is the time where that is higher, for keys that nothing is kept beside.
 */
export class CertificateIssuer {
  #serial: number
  #issued: Issued | undefined
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly options: CertificateIssuerOptions,
    serial: number
  ) {
    this.#serial = serial
  }

  /** Throws StoreError if what is on disk is no certificate of this sequencer. */
  static async open(options: CertificateIssuerOptions): Promise<CertificateIssuer> {
    const { database, network, signer, mark } = options
    const stored = await database.get(CERTIFICATE_KEY)
    const serial =
      stored === undefined
        ? 0
        : expectStored('the certificate of the encryption key', () =>
            readCertificate(stored, network.id, signer.peerId, new VerifierCache())
          ).serial
    return new CertificateIssuer(options, Math.max(serial, mark?.lastSerial ?? 0))
  }

  /** The certificate of this key: the last one, or a new one where that is of another key or half of its time is over. */
  certify(key: SealingKey): Promise<EnvelopeBytes> {
    const certificate = this.#turn.then(() => this.#fresh(key) ?? this.#issue(key))
    this.#turn = certificate.catch(() => undefined)
    return certificate
  }

  #fresh(key: SealingKey): EnvelopeBytes | undefined {
    const { now, clock } = this.options
    const { certificateLifeMs, clockSkewMs } = LIMITS
    if (this.#issued === undefined || !equal(this.#issued.key.keyId, key.keyId)) return undefined
    const { certificate, until, at } = this.#issued
    const left = until - now()
    // Where the clock was set back, it would last for longer than it should.
    const isFresh =
      clock() - at < certificateLifeMs / 2 &&
      left > certificateLifeMs / 2 &&
      left <= certificateLifeMs + clockSkewMs
    return isFresh ? certificate : undefined
  }

  async #issue(key: SealingKey): Promise<EnvelopeBytes> {
    const { database, network, signer, now, clock, mark } = this.options
    const serial = Math.max(this.#serial + 1, now())
    const until = now() + LIMITS.certificateLifeMs
    const certificate = certifyKey({ ...key, serial, until }, network.id, signer)
    await writeDurably(database, [{ type: 'put', key: CERTIFICATE_KEY, value: certificate }])
    await mark?.certified(serial)
    this.#serial = serial
    this.#issued = { key, certificate, until, at: clock() }
    return certificate
  }
}
