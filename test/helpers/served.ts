import { ChainHandler, type ServedChain } from '#src/api/chain-handler.js'
import type { Handler } from '#src/api/handler.js'
import { encodeBlock } from '#src/core/block.js'
import { equal } from '#src/core/bytes.js'
import { Host } from '#src/network/host.js'
import { QueryServer } from '#src/serve/query-server.js'
import type { ChainMaker } from './blocks.js'
import { present } from './changes.js'
import type { Cleanup } from './cleanup.js'
import type { TestNetwork } from './networks.js'

/** A chain that a test has made, as others may have it. */
export function servedChain(maker: ChainMaker): ServedChain {
  const genesis = maker.fork(0).cursor.signed
  return {
    head: () => maker.cursor.signed,
    weight: () => maker.cursor.weight,
    headerAt: height => (height === 0 ? genesis : maker.blocks[height - 1]?.signed),
    headerById: id =>
      [genesis, ...maker.blocks.map(({ signed }) => signed)].find(other => equal(other.id, id)),
    encodedBlock: async ({ header }) => {
      const block = maker.blocks[header.height - 1]
      return block && encodeBlock(block)
    }
  }
}

/** Has a host answer queries as these do, until `stop` or the cleanup. */
export async function serve(
  cleanup: Cleanup,
  host: Host,
  net: TestNetwork,
  ...handlers: readonly Handler[]
): Promise<QueryServer> {
  const server = new QueryServer(host, {
    network: net.network.id,
    clock: () => performance.now(),
    handlers
  })
  await server.start()
  cleanup.add(() => server.stop())
  return server
}

/** The address of a host that does nothing but what it is prepared for. */
export async function listening(
  cleanup: Cleanup,
  net: TestNetwork,
  prepare: (host: Host) => Promise<unknown>
): Promise<string> {
  const host = await Host.create({ key: net.key, listen: ['/ip4/127.0.0.1/tcp/0'], topics: [] })
  await prepare(host)
  await host.start()
  cleanup.add(() => host.stop())
  return present(host.addresses()[0])
}

/** The address of a host that does nothing but answer so. */
export function servedBy(
  cleanup: Cleanup,
  net: TestNetwork,
  ...handlers: readonly Handler[]
): Promise<string> {
  return listening(cleanup, net, host => serve(cleanup, host, net, ...handlers))
}

export function chainResponder(maker: ChainMaker): ChainHandler {
  return new ChainHandler(servedChain(maker), () => 0)
}
