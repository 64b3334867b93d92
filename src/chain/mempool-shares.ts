import { LIMITS } from '../core/limits.js'
import { type Bringer, Shares, type Taken } from '../core/shares.js'
import type { Candidate } from './candidate.js'

interface Room {
  readonly all: number
  readonly ofPeer: number
}

/** Of messages and of their bytes. */
interface PoolRooms {
  readonly messages: Room
  readonly bytes: Room
}

/** For messages that wait. */
export const POOL_ROOMS: PoolRooms = {
  messages: { all: LIMITS.pendingMessages, ofPeer: LIMITS.pooledOfPeer },
  bytes: { all: LIMITS.pooledBytes, ofPeer: LIMITS.pooledBytesOfPeer }
}

/**
 * For those that are passed on. In the pools of others all of them count as brought by this peer. So no host may have
 * more of its share there than it leaves for all others.
 */
export const PASSED_ROOMS: PoolRooms = {
  messages: { all: LIMITS.pooledOfPeer, ofPeer: LIMITS.pooledOfPeer },
  bytes: { all: LIMITS.pooledBytesOfPeer, ofPeer: LIMITS.pooledBytesOfPeer }
}

/** Which peers have brought the pending messages, so that no peer takes all the room by the names of many authors, and no host by those of many peers. */
export class MempoolShares {
  readonly #messages: Shares
  readonly #bytes: Shares
  /** By the name of the message. */
  readonly #bringers = new Map<string, Bringer>()

  constructor({ messages, bytes }: PoolRooms) {
    this.#messages = new Shares(messages)
    this.#bytes = new Shares(bytes)
  }

  get size(): number {
    return this.#bringers.size
  }

  /** Undefined where no peer has brought it. */
  bringerOf(name: string): Bringer | undefined {
    return this.#bringers.get(name)
  }

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
