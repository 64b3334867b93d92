import { equal, type PeerIdBytes, toHex } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import type { SealingContext, SealingKey } from '../core/sealing.js'
import { describeError, type Report } from './events.js'
import type { Service } from './service.js'
import { elapsed, unlessAborted } from './waiting.js'

export interface KeyRenewalOptions {
  /** The sequencer's encryption key as this peer has it, its certificate verified. */
  readonly keyOf: (peer: PeerIdBytes) => Promise<SealingKey>
  readonly agree: (key: SealingKey) => Promise<SealingContext>
  /** Hears of a context with another key than the one that was refused. */
  readonly renewed: (context: SealingContext) => void
  readonly report: Report
}

/**
 * Where a client's sealing contexts come from: one for each connection, and one when the sequencer refuses the
 * key of the last. However many messages are refused, one question at a time goes out, and while the answer is
 * still the old key, later and later: refusals are nobody's signed word.
 */
export class KeyRenewal implements Service {
  readonly #stopping = new AbortController()
  #peer: PeerIdBytes | undefined
  #looking: Promise<void> | undefined

  constructor(private readonly options: KeyRenewalOptions) {}

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the client is stopping'))
    await this.#looking
  }

  /** The context for a connection to this peer. */
  async prepare(peer: PeerIdBytes): Promise<SealingContext> {
    this.#peer = peer
    return this.options.agree(await this.options.keyOf(peer))
  }

  renew(refused: Uint8Array): void {
    this.#looking ??= this.#look(refused).finally(() => {
      this.#looking = undefined
    })
  }

  async #look(refused: Uint8Array): Promise<void> {
    const { signal } = this.#stopping
    const { report, renewed } = this.options
    let wait: number = LIMITS.redialMs.first
    for (let isTold = false; !signal.aborted; isTold = true) {
      try {
        const context = await unlessAborted(this.#ask(), signal)
        if (context !== undefined && !equal(context.keyId, refused)) return renewed(context)
        throw new Error('the peer knows no other')
      } catch (error) {
        if (!isTold && !signal.aborted)
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
