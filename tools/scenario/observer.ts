import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerIdBytes } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { expectChain, type Network } from '#src/core/network.js'
import { Host } from '#src/network/host.js'
import { AccountQueries } from '#src/query/account-queries.js'
import { rulesOf } from '#src/rules/rules.js'
import type { Peer } from '../localnet/index.js'
import { once } from './checks.js'

/** Asks peers as one that belongs to none of them, and verifies all that it is told. */
export class Observer {
  #isOpen = false

  protected readonly host = once(async () => {
    const host = await Host.create({ key: await generateKeyPair('Ed25519'), listen: [], topics: [] })
    this.#isOpen = true
    await host.start()
    return host
  })

  constructor(protected readonly network: Network) {}

  /** Of a peer that keeps a chain. */
  async queries(peer: Peer): Promise<AccountQueries> {
    const id = await this.connect(peer)
    return new AccountQueries(await this.host(), id, rulesOf(expectChain(this.network)), () => Date.now())
  }

  async close(): Promise<void> {
    if (this.#isOpen) await (await this.host()).stop()
  }

  protected async connect({ addresses: [address = ''] }: Peer): Promise<PeerIdBytes> {
    return (await this.host()).connect(address, AbortSignal.timeout(LIMITS.dialMs))
  }
}
