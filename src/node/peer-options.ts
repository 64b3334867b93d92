import type { PrivateKey } from '@libp2p/interface'
import type { Database } from '../chain/store.js'
import type { Report } from '../core/events.js'
import type { ChainNetwork, Network } from '../core/network.js'
import type { Rate } from '../core/rate-limiter.js'
import type { HostRates } from '../network/host.js'

/** What every role needs. Files, clocks and the world's ear come from whoever runs the peer. */
export interface PeerOptions<N extends Network = ChainNetwork> {
  /** The peer's identity on its connections. What the peer signs is signed by it too, unless its role is given a signer. */
  readonly key: PrivateKey
  readonly network: N
  /** Open, and closed by whoever opened it. */
  readonly database: Database
  readonly listen: readonly string[]
  /** ms since 1970. It may be set forward and back, so that it measures nothing. */
  readonly now: () => number
  readonly report: Report
  /** Hears of what the peer cannot go on after; whoever runs it stops it. */
  readonly failed: (error: Error) => void
  readonly muxers?: readonly ('yamux' | 'mplex')[]
  /** PeerIds that connections are made to and taken from; anyone where it is left out. */
  readonly admitted?: readonly string[]
  /** The network's pre-shared key, as in a swarm.key file. */
  readonly swarmKey?: Uint8Array
  /** In place of those in LIMITS. */
  readonly rates?: HostRates & {
    readonly query?: Rate
    readonly author?: Rate
    readonly transfersOfPeer?: Rate
    readonly receiptsAgain?: Rate
  }
}
