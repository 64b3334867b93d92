import type { Random } from '#tools/localnet/random.js'
import type { Peer } from './peer.js'
import { exponential } from './random.js'
import type { VirtualTime } from './virtual-time.js'

/** So often in a run a peer stops, on average. More would take long: each start verifies the whole chain. */
const STOPS = 3

export interface ChurnOptions {
  /** Of the peers, that are away at any time. */
  readonly share: number
  /** Of the run, ms. */
  readonly duration: number
}

/** Peers stop, and start again on the database they have. */
export class Churn {
  #isOver = false

  constructor(
    private readonly time: VirtualTime,
    private readonly random: Random,
    private readonly peers: readonly Peer[],
    private readonly options: ChurnOptions
  ) {}

  begin(): void {
    if (this.options.share > 0) for (const peer of this.peers) this.#stay(peer)
  }

  /** All come back, and stay. */
  async end(): Promise<void> {
    this.#isOver = true
    for (const peer of this.peers) await peer.start()
  }

  #stay(peer: Peer): void {
    const { share, duration } = this.options
    this.time.after(exponential(this.random, ((1 - share) * duration) / STOPS), async () => {
      if (this.#isOver) return
      await peer.stop()
      this.time.after(exponential(this.random, (share * duration) / STOPS), async () => {
        if (this.#isOver) return
        await peer.start()
        this.#stay(peer)
      })
    })
  }
}
