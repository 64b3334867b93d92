import type { PeerIdBytes } from '../core/bytes.js'
import { unlessAborted, within } from './waiting.js'

/**
 * Asks one peer after the other until one answers, and that one first the next time. Each has its share of the time:
 * who says nothing, or lies, keeps nobody from being asked.
 */
export class Turns {
  /** Counts up when a peer does not give what it is asked. */
  #turn = 0

  /** `ms`: in which all are asked once. */
  constructor(
    private readonly peers: () => readonly PeerIdBytes[],
    private readonly ms: number
  ) {}

  /** Undefined where there is nobody. Rejects with what the last one answered, or when `signal` fires. */
  ask<T>(ask: (peer: PeerIdBytes) => Promise<T>, signal: AbortSignal): Promise<T> | undefined {
    const peers = this.peers()
    return peers.length === 0 ? undefined : this.#askEach(peers, ask, signal)
  }

  async #askEach<T>(
    peers: readonly PeerIdBytes[],
    ask: (peer: PeerIdBytes) => Promise<T>,
    signal: AbortSignal
  ): Promise<T> {
    const share = this.ms / (peers.length + 1)
    const first = this.#turn % peers.length
    let problem: unknown
    for (const peer of [...peers.slice(first), ...peers.slice(0, first)])
      try {
        return await unlessAborted(ask(peer), within(share, signal))
      } catch (error) {
        this.#turn += 1
        signal.throwIfAborted()
        problem = error
      }
    throw problem
  }
}
