import { Command } from 'commander'
import { toHex } from '../../core/bytes.js'
import { peerIdToString } from '../../core/keys.js'
import type { Network } from '../../core/network.js'
import type { NodeInfo } from '../../core/node-info.js'
import { NodeQueries } from '../../query/node-queries.js'
import { type ConnectingOptions, withConnection } from '../ask/asking.js'
import { Failure, UsageError } from '../failure.js'
import { exists, readNetwork } from '../files/files.js'
import { address, DEFAULTS, wholeNumber } from '../options.js'
import { withSwarmKeyOption } from '../peer/closed-network.js'
import { printJson, printResult } from '../terminal/terminal.js'

/** The commands that are for one node: what it says of itself, and what its owner may have it do. */

interface NodeOptions extends ConnectingOptions {
  readonly network: string
  readonly json?: true
}

interface OwnerOptions extends NodeOptions {
  readonly key: string
}

interface MineOptions extends OwnerOptions {
  readonly count: number
}

export function nodeCommand(): Command {
  return connectingCommand('node')
    .description('What a node says of itself: its PeerId and addresses, whom it knows, whether it mines.')
    .option('--key <file>', 'ask with this private key, where a peer takes members only (default: a new one)')
    .action((options: NodeOptions) =>
      asking(options, async (asker, network) => {
        const info = await asker.node()
        if (options.json) printJson(nodeToJson(info))
        else printResult(...nodeLines(info, network))
      })
    )
}

export function mineCommand(): Command {
  return withOwnerKey(connectingCommand('mine'))
    .description('Has a node of yours mine, and waits for its blocks.')
    .option('--count <n>', 'how many blocks', wholeNumber(1, 10_000), 1)
    .action((options: MineOptions) =>
      owning(options, async asker => {
        const blocks = await asker.mine(options.count)
        const mined = blocks.map(({ height, id }) => ({ height, id: toHex(id) }))
        if (options.json) printJson({ mined })
        else
          for (const { height, id } of mined)
            printResult(`SUCCESS: the node says that it has mined block ${height}, id ${id}`)
        if (mined.length < options.count)
          throw new Failure(
            'ERR_NOT_SETTLED',
            `${mined.length} of ${options.count} blocks were mined in the time that there was; ask for the rest again`
          )
      })
    )
}

export function shutdownCommand(): Command {
  return withOwnerKey(connectingCommand('shutdown'))
    .description('Stops a node of yours, as SIGTERM does.')
    .action((options: OwnerOptions) =>
      owning(options, async asker => {
        await asker.shutdown()
        if (options.json) printJson({ stopping: true })
        else printResult('SUCCESS: the node says that it is stopping')
      })
    )
}

function connectingCommand(name: string): Command {
  return withSwarmKeyOption(new Command(name))
    .option('--connect <address>', 'the node', address, DEFAULTS.sequencer)
    .option('--network <file>', 'the network document', DEFAULTS.network)
    .option('--json', 'one JSON object on stdout')
}

function withOwnerKey(command: Command): Command {
  return command.option('--key <file>', "the owner's private key", DEFAULTS.ownerKey)
}

async function owning(options: OwnerOptions, use: (asker: NodeQueries) => Promise<void>): Promise<void> {
  if (!(await exists(options.key)))
    throw new UsageError(
      `there is no owner's key at ${options.key}; a miner makes one beside its own key when it starts: name that file with --key FILE`
    )
  await asking(options, use)
}

async function asking(
  options: NodeOptions,
  use: (asker: NodeQueries, network: Network) => Promise<void>
): Promise<void> {
  const network = await readNetwork(options.network)
  await withConnection(options, network, ({ host, peer }) =>
    use(new NodeQueries(host, peer, network.id), network)
  )
}

function nodeToJson({ peerId, role, addresses, peers, isMining, hashRate, pool }: NodeInfo): object {
  return {
    peerId: peerIdToString(peerId),
    role,
    addresses,
    peers: peers.map(other => ({
      peerId: peerIdToString(other.peerId),
      address: other.address ?? null,
      connected: other.isConnected
    })),
    mining: isMining,
    hashRate,
    pool
  }
}

/** Without blocks nothing is mined and nothing waits. */
function nodeLines(
  { peerId, role, addresses, peers, isMining, hashRate, pool }: NodeInfo,
  { kind }: Network
): string[] {
  const connected = peers.filter(other => other.isConnected).length
  return [
    `node      ${peerIdToString(peerId)}`,
    `role      ${role}`,
    ...addresses.map(at => `listens   ${at}`),
    ...(kind === 'chain'
      ? [
          `mines     ${isMining ? `yes, ${hashRate} hashes a second` : 'no'}`,
          `pool      ${pool} messages wait for a block`
        ]
      : []),
    `peers     ${peers.length} known, ${connected} of them connected`,
    ...peers.map(
      other =>
        `  ${peerIdToString(other.peerId)}  ${other.isConnected ? 'connected' : 'away'}  ${other.address ?? ''}`
    )
  ]
}
