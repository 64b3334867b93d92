import { LIMITS } from '../core/limits.js'
import type { Candidate } from './candidate.js'

interface Share {
  messages: number
  bytes: number
}

/** Which peers have brought the messages that wait, so that none takes all the room by the names of many authors. */
export class PoolShares {
  /** By the name of the message: who brought it. */
  readonly #bringers = new Map<string, string>()
  readonly #shares = new Map<string, Share>()

  /** Whether this peer may bring one more. */
  hasRoom(bringer: string, { envelope }: Candidate): boolean {
    const { messages, bytes } = this.#shares.get(bringer) ?? { messages: 0, bytes: 0 }
    return messages < LIMITS.pooledOfPeer && bytes + envelope.length <= LIMITS.pooledBytesOfPeer
  }

  add(name: string, bringer: string, { envelope }: Candidate): void {
    const share = this.#shares.get(bringer) ?? { messages: 0, bytes: 0 }
    share.messages += 1
    share.bytes += envelope.length
    this.#shares.set(bringer, share)
    this.#bringers.set(name, bringer)
  }

  /** It does not wait any more. */
  drop(name: string, { envelope }: Candidate): void {
    const bringer = this.#bringers.get(name)
    const share = bringer === undefined ? undefined : this.#shares.get(bringer)
    if (bringer === undefined || share === undefined) return
    this.#bringers.delete(name)
    share.messages -= 1
    share.bytes -= envelope.length
    if (share.messages === 0) this.#shares.delete(bringer)
  }
}
