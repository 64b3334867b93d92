import { encodeBlock } from '#src/core/block.js'
import { equal } from '#src/core/bytes.js'
import type { Host } from '#src/network/host.js'
import { ChainResponder, type ServedChain } from '#src/node/chain-responder.js'
import { QueryServer } from '#src/node/query-server.js'
import type { ChainMaker } from './blocks.js'
import type { Cleanup } from './cleanup.js'

/** A chain that a test has made, as others may have it. */
export function servedChain(maker: ChainMaker): ServedChain {
  const genesis = maker.fork(0).cursor.signed
  const signedAt = (height: number) => (height === 0 ? genesis : maker.blocks[height - 1]?.signed)
  return {
    head: () => maker.cursor.signed,
    weight: () => maker.cursor.weight,
    headerAt: signedAt,
    headerById: id =>
      [genesis, ...maker.blocks.map(({ signed }) => signed)].find(other => equal(other.id, id)),
    encodedBlock: async ({ header }) => {
      const block = maker.blocks[header.height - 1]
      return block && encodeBlock(block)
    }
  }
}

/** Has a host answer queries about a chain that a test has made. */
export async function serve(cleanup: Cleanup, host: Host, maker: ChainMaker): Promise<void> {
  const server = new QueryServer(host, {
    network: maker.net.network.id,
    clock: () => performance.now(),
    responders: [new ChainResponder(servedChain(maker), () => 0)]
  })
  await server.start()
  cleanup.add(() => server.stop())
}
