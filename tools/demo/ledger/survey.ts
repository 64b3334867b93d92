import type { Network } from '#src/core/network.js'
import type { AccountQueries } from '#src/query/account-queries.js'
import { SetQueries } from '#src/replication/set/set-queries.js'
import type { Peer } from '../../localnet/index.js'
import { once } from '../../scenario/checks.js'
import { Observer } from '../../scenario/observer.js'
import { orderedView } from './ordered-view.js'
import { unorderedView } from './unordered-view.js'
import type { View } from './view.js'

/** Asks all peers. What several checks need is asked once. */
export class Survey extends Observer {
  constructor(
    network: Network,
    private readonly peers: readonly Peer[]
  ) {
    super(network)
  }

  /** Of each peer, in their order. */
  readonly views = once(async () => {
    const views: View[] = []
    // One after the other: whoever is asked reads all that it has.
    for (const peer of this.peers) views.push(await this.#view(peer))
    return views
  })

  /** Of each peer, where there is an order. */
  readonly askers = once(async () => {
    const askers: { readonly peer: string; readonly asker: AccountQueries }[] = []
    for (const peer of this.peers) askers.push({ peer: peer.name, asker: await this.queries(peer) })
    return askers
  })

  async #view(peer: Peer): Promise<View> {
    const { network } = this
    if (network.kind === 'chain') return orderedView(peer.name, await this.queries(peer))
    const asker = new SetQueries(await this.host(), await this.connect(peer), network)
    return unorderedView(peer.name, asker, network)
  }
}
