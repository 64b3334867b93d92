import type { Candidate } from '#src/chain/candidate.js'
import { toHex } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import type { Links } from './links.js'
import type { Duty, Peer } from './peer.js'

/**
 * How messages get from pool to pool where nobody orders them: whoever takes one tells its neighbours, and who asks
 * hears of those that wait.
 */
export class MessageGossip implements Duty {
  /** Set once all are there. */
  neighbours: readonly MessageGossip[] = []
  /** Leaves in hex. */
  readonly #known = new Set<string>()

  constructor(
    readonly peer: Peer,
    private readonly links: Links
  ) {}

  started(): void {
    this.#known.clear()
  }

  async take(message: Candidate, from: MessageGossip | undefined): Promise<void> {
    const { pool } = this.peer
    const leaf = toHex(message.leaf)
    if (pool === undefined || this.#known.has(leaf)) return
    this.#known.add(leaf)
    if (pool.add(message).kind !== 'accepted') return
    await pool.stored()
    for (const other of this.neighbours) if (other !== from) this.#tell(other, message, leaf)
  }

  /** Answers a neighbour that asks what waits here. */
  answer(asking: MessageGossip): void {
    const { pool } = this.peer
    if (pool === undefined || pool.size === 0) return
    let told = 0
    for (const message of pool.waiting()) {
      if (told === LIMITS.bundleMessages) return
      this.#tell(asking, message, toHex(message.leaf))
      told += 1
    }
  }

  #tell(other: MessageGossip, message: Candidate, leaf: string): void {
    // To one who knows it nothing would happen.
    if (!other.#known.has(leaf))
      this.links.send(this.peer.index, other.peer.index, () => other.take(message, this))
  }
}
