import { toHex } from '#src/core/bytes.js'
import type { Network } from '#src/core/network.js'
import { TransferStore } from '#src/replication/set/transfer-store.js'
import type { Localnet, Peer } from '../../localnet/index.js'
import { type Check, demand } from '../../scenario/checks.js'
import { Reopened } from '../../scenario/reopened.js'
import type { View } from './view.js'

/** What peers have left, after they have been stopped. */
export function folderCheck(
  net: Localnet,
  peers: readonly Peer[],
  views: () => Promise<readonly View[]>
): Check {
  return {
    name: 'folders',
    what: "each peer's, opened once more and verified, has the digest that the peer told of",
    run: async () => {
      const told = new Map((await views()).map(({ peer, digest }) => [peer, digest]))
      for (const { name, data } of peers) {
        const folder = new Reopened(net, data)
        const digest = await digestIn(folder, net.network).finally(() => folder.close())
        demand(digest === told.get(name), `${name}: ${digest} on disk, it told of ${told.get(name)}`)
      }
      return `${told.size} folders`
    }
  }
}

async function digestIn(folder: Reopened, network: Network): Promise<string> {
  if (network.kind === 'chain') return toHex((await folder.chain()).head().header.state)
  const nothing = (): void => undefined
  const database = await folder.database()
  const store = await TransferStore.open({ database, network, changed: nothing, failed: nothing })
  return toHex(store.transfers.digest())
}
