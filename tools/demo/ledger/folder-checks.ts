import { Chain } from '#src/chain/chain.js'
import type { Database } from '#src/chain/store.js'
import { openDatabase } from '#src/cli/files/files.js'
import { toHex } from '#src/core/bytes.js'
import type { Network } from '#src/core/network.js'
import { TransferStore } from '#src/replication/set/transfer-store.js'
import { rulesOf } from '#src/rules/rules.js'
import type { Localnet, Peer } from '../../localnet/index.js'
import { type Check, demand } from '../../scenario/checks.js'
import { processesOn } from '../../scenario/left-processes.js'
import type { View } from './view.js'

/** Stops all, and looks at what they have left. */
export function folderChecks(
  net: Localnet,
  peers: () => readonly Peer[],
  views: () => Promise<readonly View[]>
): Check[] {
  return [
    {
      name: 'stop',
      what: 'SIGTERM ends each peer with exit code 0, and no process is left',
      run: async () => {
        for (const { name, isRunning, stderr } of peers())
          demand(isRunning, `${name} ended before it was stopped: ${stderr}`)
        const exits = await net.stopPeers()
        for (const [peer, { code, signal }] of exits)
          demand(code === 0, `${peer.name} ended with ${signal ?? `exit code ${code}`}: ${peer.stderr}`)
        const left = await processesOn(net.folder)
        demand(left.length === 0, `still there: ${left.join(', ')}`)
        return `${exits.size} processes`
      }
    },
    {
      name: 'folders',
      what: "each peer's, opened once more and verified, has the digest that the peer told of",
      run: async () => {
        const told = new Map((await views()).map(({ peer, digest }) => [peer, digest]))
        for (const { name, data } of peers()) {
          const database = await openDatabase(data)
          const digest = await digestIn(database, net.network).finally(() => database.close())
          demand(digest === told.get(name), `${name}: ${digest} on disk, it told of ${told.get(name)}`)
        }
        return `${told.size} folders`
      }
    }
  ]
}

async function digestIn(database: Database, network: Network): Promise<string> {
  if (network.kind === 'chain') {
    const chain = await Chain.open(database, rulesOf(network))
    return toHex(chain.head().header.state)
  }
  const nothing = (): void => undefined
  const store = await TransferStore.open({ database, network, changed: nothing, failed: nothing })
  return toHex(store.transfers.digest())
}
