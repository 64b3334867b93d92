import type { EnvelopeBytes } from '../core/bytes.js'
import { LIMITS } from '../core/limits.js'
import { type Bringer, Shares, type Taken } from '../core/shares.js'

/** How much of what waits for validation each peer has brought, by gossip or by submission. Messages weigh what it takes to look at them. */
export class ValidationShares {
  readonly #shares = new Shares({ all: LIMITS.validationQueue, ofPeer: LIMITS.validationQueueOfPeer })
  /** The beginnings of envelopes whose keys have been seen to sign something valid. */
  readonly #knownKeys = new Set<string>()

  /** What the messages weigh together. */
  weightOf(envelopes: readonly EnvelopeBytes[]): number {
    const names = new Set(envelopes.map(keyNameOf))
    const strangers = [...names].filter(name => !this.#knownKeys.has(name)).length
    return envelopes.length + strangers * (LIMITS.newKeyWeight - 1)
  }

  take(from: Bringer, weight: number): Taken {
    return this.#shares.take(from, weight)
  }

  release(from: Bringer, weight: number): void {
    this.#shares.release(from, weight)
  }

  /** Its key has signed something valid. */
  knows(envelope: EnvelopeBytes): void {
    if (this.#knownKeys.size >= LIMITS.cachedKeys) this.#knownKeys.clear()
    this.#knownKeys.add(keyNameOf(envelope))
  }
}

/** An envelope begins with its public key. */
const KEY_NAME_BYTES = 64

function keyNameOf(envelope: EnvelopeBytes): string {
  return Buffer.from(
    envelope.buffer,
    envelope.byteOffset,
    Math.min(KEY_NAME_BYTES, envelope.length)
  ).toString('latin1')
}
