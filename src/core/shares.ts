/** Who has brought something: names are free, so that the host that a peer connects from counts, too. */
export interface Bringer {
  /** A PeerId in hex. */
  readonly peer: string
  /** As limits count hosts. */
  readonly host: string
}

/** `share`: the peer has as much as one peer may have. `full`: so has its host, or nothing is left. */
export type Taken = 'taken' | 'share' | 'full'

/**
 * Room for so much, and who has how much of it. A peer has a share. A host may have no more than it leaves for all
 * others: one alone gets half, and however many names it goes by, others find room.
 */
export class Shares {
  #taken = 0
  readonly #ofPeer = new Map<string, number>()
  readonly #ofHost = new Map<string, number>()

  constructor(private readonly limits: { readonly all: number; readonly ofPeer: number }) {}

  take({ peer, host }: Bringer, weight: number): Taken {
    const { all, ofPeer } = this.limits
    if ((this.#ofPeer.get(peer) ?? 0) + weight > ofPeer) return 'share'
    const left = all - this.#taken - weight
    if ((this.#ofHost.get(host) ?? 0) + weight > left) return 'full'
    this.#add({ peer, host }, weight)
    return 'taken'
  }

  /** Gives back what was taken. */
  release(bringer: Bringer, weight: number): void {
    this.#add(bringer, -weight)
  }

  #add({ peer, host }: Bringer, weight: number): void {
    this.#taken += weight
    count(this.#ofPeer, peer, weight)
    count(this.#ofHost, host, weight)
  }
}

function count(counts: Map<string, number>, name: string, change: number): void {
  const left = (counts.get(name) ?? 0) + change
  if (left > 0) counts.set(name, left)
  else counts.delete(name)
}
