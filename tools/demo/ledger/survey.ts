import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerIdBytes } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { expectChain, type Network } from '#src/core/network.js'
import { Host } from '#src/network/host.js'
import { AccountQueries } from '#src/query/account-queries.js'
import { SetQueries } from '#src/replication/set/set-queries.js'
import { rulesOf } from '#src/rules/rules.js'
import type { Peer } from '../../localnet/index.js'
import { once } from '../../scenario/checks.js'
import { orderedView } from './ordered-view.js'
import { unorderedView } from './unordered-view.js'
import type { View } from './view.js'

/** Asks all peers as one that belongs to none of them. What several checks need is asked once. */
export class Survey {
  readonly #host = once(async () => {
    const host = await Host.create({ key: await generateKeyPair('Ed25519'), listen: [], topics: [] })
    await host.start()
    return host
  })
  #isOpen = false

  constructor(
    private readonly network: Network,
    private readonly peers: () => readonly Peer[]
  ) {}

  /** Of each peer, in their order. */
  readonly views = once(async () => {
    const views: View[] = []
    // One after the other: whoever is asked reads all that it has.
    for (const peer of this.peers()) views.push(await this.#view(peer))
    return views
  })

  /** Of each peer, where there is an order. */
  readonly askers = once(async () => {
    const askers: { readonly peer: string; readonly asker: AccountQueries }[] = []
    for (const peer of this.peers()) askers.push({ peer: peer.name, asker: await this.#asker(peer) })
    return askers
  })

  async close(): Promise<void> {
    if (this.#isOpen) await (await this.#host()).stop()
  }

  async #view(peer: Peer): Promise<View> {
    if (this.network.kind === 'chain') return orderedView(peer.name, await this.#asker(peer))
    const asker = new SetQueries(await this.#host(), await this.#connect(peer), this.network)
    return unorderedView(peer.name, asker, this.network)
  }

  async #asker(peer: Peer): Promise<AccountQueries> {
    const id = await this.#connect(peer)
    return new AccountQueries(await this.#host(), id, rulesOf(expectChain(this.network)), () => Date.now())
  }

  async #connect({ addresses: [address = ''] }: Peer): Promise<PeerIdBytes> {
    this.#isOpen = true
    return (await this.#host()).connect(address, AbortSignal.timeout(LIMITS.dialMs))
  }
}
