import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { PeerIdBytes } from '../../core/bytes.js'
import type { Report } from '../../core/events.js'
import { peerIdFromText, signerOf } from '../../core/keys.js'
import type { ChainNetwork } from '../../core/network.js'
import { createFullNode, type Mining } from '../../node/full-node.js'
import { orderingModule } from '../../orderings/registry.js'
import { UsageError } from '../failure.js'
import { exists } from '../files/files.js'
import { makeIdentity, readIdentity } from '../files/key-files.js'
import { peerIds, wholeNumber } from '../options.js'
import { printLine } from '../terminal/terminal.js'
import { asFailure, type PeerFiles, running, untilAborted, withPeer } from './run-peer.js'

export interface MiningOptions {
  readonly mine?: number
  readonly threads: number
  readonly owner?: readonly string[]
}

/** How a peer of a network of equals mines, and who may tell it to. */
export function withMiningOptions(command: Command): Command {
  return command
    .option(
      '--owner <peerid>',
      'among equals: who may have this peer mine and stop from afar; repeatable (default: whoever holds the key that is made beside its own, such as keys/miner.owner.key)',
      peerIds
    )
    .addOption(
      new Option(
        '--mine <n>',
        'mine so many blocks, then only those that are asked for (default: no end)'
      ).argParser(wholeNumber(0))
    )
    .option('--threads <n>', 'threads that search', wholeNumber(1, 4 * availableParallelism()), 1)
}

export interface FullNodeFiles extends PeerFiles, MiningOptions {
  readonly connect: readonly string[]
}

/** Runs a peer of a network of equals until it is stopped. */
export async function runFullNode(
  role: string,
  files: FullNodeFiles,
  network: ChainNetwork,
  report: Report,
  stopping: AbortController
): Promise<void> {
  if (network.sequencer !== undefined)
    throw new UsageError(
      `"${network.document.name}" is ordered by a sequencer, and nobody mines there; make a network of miners with: tallystick init --ordering work`
    )
  const producer = orderingModule(network.document.ordering).producer?.role
  if (role !== 'follower' && role !== producer)
    throw new UsageError(
      `"${network.document.name}" has no role ${role}; run one of its peers with --role follower${producer === undefined ? '' : ` or ${producer}`}`
    )
  const mining: Mining | undefined =
    role === 'follower'
      ? undefined
      : { threads: files.threads, blocks: files.mine ?? Number.POSITIVE_INFINITY }
  const owners = files.owner?.map(peerIdFromText) ?? [await ownerBeside(files.key)]
  await withPeer(files, 'full node', network, report, stopping, async peer => {
    const equal = await createFullNode({
      ...peer,
      connect: files.connect,
      ...(mining && { mining }),
      owners,
      shutdown: () => stopping.abort(new Error('the owner says so'))
    }).catch(asFailure)
    await running(equal, stopping.signal, () => untilAborted(stopping.signal))
  })
}

/** Two peers cannot have one identity, so that whoever tells a peer what to do comes with a key of his own. */
async function ownerBeside(key: string): Promise<PeerIdBytes> {
  const path = `${key.replace(/\.key$/, '')}.owner.key`
  if (await exists(path)) return signerOf(await readIdentity(path)).peerId
  const owner = await makeIdentity(path)
  printLine(`made the key of this peer's owner, who may have it mine and stop from afar: ${path}`)
  return signerOf(owner).peerId
}
