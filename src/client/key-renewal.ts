import { equal, type PeerIdBytes, toHex } from '../core/bytes.js'
import { type CertifiedKey, isUndated } from '../core/encryption-key.js'
import { describeError, type Report } from '../core/events.js'
import { LIMITS } from '../core/limits.js'
import type { SealingContext, SealingKey } from '../core/sealing.js'
import type { Service } from '../lifecycle/service.js'
import { elapsed, unlessAborted } from '../lifecycle/waiting.js'
import { expectCurrent, OutdatedCertificate } from './newest-certificate.js'

export interface KeyRenewalOptions {
  /** The sequencer's encryption key as this peer has it, its certificate verified and no older than any before it. */
  readonly keyOf: (peer: PeerIdBytes) => Promise<CertifiedKey>
  readonly agree: (key: SealingKey) => Promise<SealingContext>
  /** Hears of a context to seal with from now on. */
  readonly renewed: (context: SealingContext) => void
  /** Hears that nothing may be sealed with the last context any more, and that the peer has no newer certificate. */
  readonly ended: (why: string) => void
  /** ms since 1970. */
  readonly now: () => number
  /** Resolves after so many ms, or as soon as the signal fires. */
  readonly elapsed?: (ms: number, signal: AbortSignal) => Promise<void>
  readonly report: Report
}

/**
 * Where a client's sealing contexts come from: one for each connection, one when the sequencer refuses the key of the
 * last, and one well before the certificate of the last one ends. However many messages are refused, one question at a
 * time goes out, and while the answer is still the old key, later and later: refusals are not signed.
 */
export class KeyRenewal implements Service {
  readonly #stopping = new AbortController()
  readonly #keys = new WeakMap<SealingContext, CertifiedKey>()
  #peer: PeerIdBytes | undefined
  #looking: Promise<void> | undefined
  /** Waits for the time to ask for the next certificate; aborted when one has come. */
  #waiting = new AbortController()
  #watching: Promise<void> = Promise.resolve()

  constructor(private readonly options: KeyRenewalOptions) {}

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the client is stopping'))
    this.#waiting.abort()
    await this.#looking
    await this.#watching
  }

  /** The context for a connection to this peer. Throws OutdatedCertificate where nothing may be sealed to its key. */
  async prepare(peer: PeerIdBytes): Promise<SealingContext> {
    this.#peer = peer
    const key = await this.options.keyOf(peer)
    expectCurrent(key, this.options.now())
    const context = await this.options.agree(key)
    this.#keys.set(context, key)
    this.#watch(key)
    return context
  }

  /**
   * Whether something may be sealed with this context now; where not, `ended` hears of it. What waits for the end of the
   * certificate may be late: timers stand still while the machine sleeps, and the clock may have been set forward.
   */
  maySeal(context: SealingContext): boolean {
    const key = this.#keys.get(context)
    if (key === undefined) return true
    try {
      expectCurrent(key, this.options.now())
      return true
    } catch (error) {
      this.options.ended(describeError(error))
      return false
    }
  }

  renew(refused: Uint8Array): void {
    this.#looking ??= this.#look(refused).finally(() => {
      this.#looking = undefined
    })
  }

  /** Asks for the next certificate when half of the time that this one has left is over. */
  #watch(key: CertifiedKey): void {
    this.#waiting.abort()
    this.#waiting = new AbortController()
    const { signal } = this.#waiting
    if (isUndated(key) || this.#stopping.signal.aborted) return
    this.#watching = this.#askInTime(key, signal)
  }

  async #askInTime(key: CertifiedKey, signal: AbortSignal): Promise<void> {
    const { now, elapsed: wait = elapsed, renewed, ended, report } = this.options
    const { certificateAgainMs, certificateLifeMs, clockSkewMs } = LIMITS
    while (!signal.aborted) {
      const left = key.until + clockSkewMs - now()
      // However far the end seems to be: the clock may have been set back.
      await wait(Math.min(Math.max(left / 2, certificateAgainMs), certificateLifeMs / 2), signal)
      if (signal.aborted) return
      try {
        // The certificate that comes is watched in place of this one.
        const context = await unlessAborted(this.#ask(), this.#stopping.signal)
        if (context !== undefined) return renewed(context)
      } catch (error) {
        if (signal.aborted) return
        try {
          expectCurrent(key, now())
        } catch (end) {
          return ended(describeError(end))
        }
        report({
          event: 'warning',
          message: `no newer certificate of the encryption key has come: ${describeError(error)}; asking again`
        })
      }
    }
  }

  async #look(refused: Uint8Array): Promise<void> {
    const { signal } = this.#stopping
    const { report, renewed, ended } = this.options
    let wait: number = LIMITS.redialMs.first
    for (let isTold = false; !signal.aborted; isTold = true) {
      try {
        const context = await unlessAborted(this.#ask(), signal)
        if (context !== undefined && !equal(context.keyId, refused)) return renewed(context)
        throw new Error('the peer knows no other')
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof OutdatedCertificate) return ended(error.message)
        if (!isTold)
          report({
            event: 'warning',
            message: `the sequencer opens nothing more that is sealed to key ${toHex(refused)}: ${describeError(error)}; asking again`
          })
      }
      await elapsed(wait, signal)
      wait = Math.min(2 * wait, LIMITS.redialMs.longest)
    }
  }

  async #ask(): Promise<SealingContext | undefined> {
    return this.#peer && this.prepare(this.#peer)
  }
}
