import { LIMITS } from '../core/limits.js'
import { type Bringer, Shares, type Taken } from '../core/shares.js'
import type { Candidate } from './candidate.js'

/** Who has brought the messages that wait, so that no peer takes all the room by the names of many authors, and no host by those of many peers. */
export class PoolShares {
  readonly #messages = new Shares({ all: LIMITS.pendingMessages, ofPeer: LIMITS.pooledOfPeer })
  readonly #bytes = new Shares({ all: LIMITS.pooledBytes, ofPeer: LIMITS.pooledBytesOfPeer })
  /** By the name of the message. */
  readonly #bringers = new Map<string, Bringer>()

  take(name: string, bringer: Bringer, { envelope }: Candidate): Taken {
    const taken = this.#messages.take(bringer, 1)
    if (taken !== 'taken') return taken
    const bytes = this.#bytes.take(bringer, envelope.length)
    if (bytes === 'taken') this.#bringers.set(name, bringer)
    else this.#messages.release(bringer, 1)
    return bytes
  }

  /** It does not wait any more. */
  drop(name: string, { envelope }: Candidate): void {
    const bringer = this.#bringers.get(name)
    if (bringer === undefined) return
    this.#bringers.delete(name)
    this.#messages.release(bringer, 1)
    this.#bytes.release(bringer, envelope.length)
  }
}
