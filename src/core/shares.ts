/** The bringer of something. PeerIds are free, so its host counts, too. */
export interface Bringer {
  /** A PeerId in hex. */
  readonly peer: string
  /** As limits count hosts, and what one customer may be given, in which there may be many hosts. */
  readonly host: string
  readonly site: string
}

/** A site may have so many times what it leaves. */
const SITE_PARTS = 3

/** `share`: the peer has as much as one peer may have. `full`: so has its host, or nothing is left. */
export type Taken = 'taken' | 'share' | 'full'

/**
 * Room for so much, and how much of it each peer has. A peer has a share. A host may have no more than it leaves for all
 * others: one alone gets half, and however many names it goes by, others find room. A site, of however many hosts, gets
 * three quarters at most.
 */
export class Shares {
  #taken = 0
  readonly #ofPeer = new Map<string, number>()
  readonly #ofHost = new Map<string, number>()
  readonly #ofSite = new Map<string, number>()

  constructor(private readonly limits: { readonly all: number; readonly ofPeer: number }) {}

  take(bringer: Bringer, weight: number): Taken {
    const { peer, host, site } = bringer
    const { all, ofPeer } = this.limits
    if ((this.#ofPeer.get(peer) ?? 0) + weight > ofPeer) return 'share'
    const left = all - this.#taken - weight
    if ((this.#ofHost.get(host) ?? 0) + weight > left) return 'full'
    if ((this.#ofSite.get(site) ?? 0) + weight > SITE_PARTS * left) return 'full'
    this.#add(bringer, weight)
    return 'taken'
  }

  /** Gives back what was taken. */
  release(bringer: Bringer, weight: number): void {
    this.#add(bringer, -weight)
  }

  #add({ peer, host, site }: Bringer, weight: number): void {
    this.#taken += weight
    count(this.#ofPeer, peer, weight)
    count(this.#ofHost, host, weight)
    count(this.#ofSite, site, weight)
  }
}

function count(counts: Map<string, number>, name: string, change: number): void {
  const left = (counts.get(name) ?? 0) + change
  if (left > 0) counts.set(name, left)
  else counts.delete(name)
}
