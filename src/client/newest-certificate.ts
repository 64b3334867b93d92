import { CERTIFICATE_KEY, type Database, expectStored, writeDurably } from '../chain/store.js'
import { type EnvelopeBytes, equal } from '../core/bytes.js'
import { type CertifiedKey, isUndated, readCertificate } from '../core/encryption-key.js'
import type { Report } from '../core/events.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { type Network, sequencerOf } from '../core/network.js'
import { InvalidAnswer } from '../query/query-errors.js'

/** The certificate that a peer shows is not the newest one, or its time is over. */
export class OutdatedCertificate extends InvalidAnswer {
  override name = 'OutdatedCertificate'

  constructor(message: string) {
    super(message, undefined, 'ERR_OLD_CERTIFICATE')
  }
}

/**
 * The newest certificate of the sequencer's encryption key that this peer has seen, over its restarts. A replaced key
 * may have leaked: a thief that has it must not get messages sealed to it once more, by showing its old certificate.
 */
export class NewestCertificate {
  readonly #verifiers = new VerifierCache()
  #newest: CertifiedKey | undefined
  #written: Promise<void> = Promise.resolve()

  private constructor(
    private readonly stores: readonly Database[],
    private readonly network: Network,
    private readonly report: Report
  ) {}

  /**
   * Kept in all of these: one of them may be an older copy. Throws StoreError if what is on disk is no certificate of
   * this network's sequencer.
   */
  static async open(
    stores: readonly Database[],
    network: Network,
    report: Report
  ): Promise<NewestCertificate> {
    const newest = new NewestCertificate(stores, network, report)
    let bytes: Uint8Array | undefined
    for (const store of stores) {
      const stored = await store.get(CERTIFICATE_KEY)
      if (stored === undefined) continue
      const key = expectStored('the certificate of the encryption key', () => newest.#read(stored))
      if (newest.#newest !== undefined && key.serial <= newest.#newest.serial) continue
      newest.#newest = key
      bytes = stored
    }
    if (bytes !== undefined) await newest.#write(bytes)
    return newest
  }

  /**
   * The key of a certificate that is no older than any before it: it is on disk when this resolves. Throws DecodeError
   * where the certificate does not hold, OutdatedCertificate where a newer one was seen.
   */
  async take(certificate: EnvelopeBytes): Promise<CertifiedKey> {
    const key = this.#read(certificate)
    const newest = this.#newest
    if (newest !== undefined && key.serial < newest.serial)
      throw new OutdatedCertificate(
        `the peer served an older certificate of the encryption key: serial ${key.serial} after ${newest.serial}; nothing is sealed to a key that was replaced`
      )
    // One after the other, so that the newest one stays.
    const write = (): Promise<void> => this.#write(certificate)
    if (newest !== undefined && isSame(key, newest)) {
      // Where the last write failed, this is another try.
      await this.#after(this.#written.catch(write))
      return key
    }
    if (newest !== undefined && key.serial === newest.serial && !isUndated(key))
      throw new OutdatedCertificate(
        `the peer served another certificate of the encryption key with the serial ${key.serial} than the one that was seen; the sequencer must not sign two of them`
      )
    this.#newest = key
    if (isUndated(key))
      this.report({
        event: 'warning',
        message:
          'the certificate of the encryption key is an old one, without serial and end, so that it cannot be told whether the key was replaced; update the sequencer'
      })
    await this.#after(this.#written.then(write, write))
    return key
  }

  async #write(certificate: Uint8Array): Promise<void> {
    for (const store of this.stores)
      await writeDurably(store, [{ type: 'put', key: CERTIFICATE_KEY, value: certificate }])
  }

  /** Who waits for the write hears that it failed. */
  #after(written: Promise<void>): Promise<void> {
    written.catch(() => undefined)
    this.#written = written
    return written
  }

  #read(certificate: Uint8Array): CertifiedKey {
    return readCertificate(certificate, this.network.id, sequencerOf(this.network), this.#verifiers)
  }
}

/** Throws OutdatedCertificate where nothing may be sealed to the key any more. `now`: ms since 1970. */
export function expectCurrent(key: CertifiedKey, now: number): void {
  if (isUndated(key) || now <= key.until + LIMITS.clockSkewMs) return
  throw new OutdatedCertificate(
    `the certificate of the encryption key (serial ${key.serial}) ended at ${isoTime(key.until)}, and by the clock of this machine it is ${isoTime(now)}: the peer has an old one, or a clock is wrong; check the clock of this machine, then that of the sequencer, or name another peer with --connect ADDRESS`
  )
}

function isSame(one: CertifiedKey, other: CertifiedKey): boolean {
  return one.serial === other.serial && one.until === other.until && equal(one.keyId, other.keyId)
}

/** What is no date is shown as its number. */
function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms after 1970` : date.toISOString()
}
