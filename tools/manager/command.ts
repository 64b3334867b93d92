import { randomInt } from 'node:crypto'
import { Command, InvalidArgumentError, Option } from 'commander'
import { Failure } from '#src/cli/failure.js'
import { wholeNumber } from '#src/cli/options.js'
import { stopController } from '#src/cli/peer/run-peer.js'
import { good } from '#src/cli/terminal/styled.js'
import { printJson, printResult, standardOutput } from '#src/cli/terminal/terminal.js'
import { LIMITS } from '#src/core/limits.js'
import { ORDERINGS } from '../localnet/orderings.js'
import { parseTopology, type Topology } from '../localnet/topology.js'
import { ask } from './control-client.js'
import { displayOn } from './display.js'
import type { NetworkEvent, NetworkEventOf } from './events.js'
import { type Groups, parseGroups } from './groups.js'
import type { Request } from './requests.js'
import { type NetworkOptions, runNetwork } from './up.js'
import { networkTable, outcomeOf, sentence } from './view.js'

interface FolderOptions {
  readonly folder: string
  readonly json?: true
}

interface UpOptions extends Omit<NetworkOptions, 'seed'>, FolderOptions {
  readonly seed?: number
}

/** Blocks that one order asks for. */
const MOST_BLOCKS = 1000

export function networkCommand(): Command {
  const command = new Command('network').description(
    'Runs a network of peers as processes on this machine, and changes it while it runs.'
  )
  for (const part of [up(), status(), mine(), start(), stop(), kill(), partition(), heal()])
    command.addCommand(part)
  return command
}

function up(): Command {
  return partOf('up')
    .description('Starts the nodes, shows what becomes of them, and stops them at Ctrl-C or `network stop`.')
    .option('--nodes <n>', 'how many nodes', wholeNumber(1, LIMITS.managedNodes), 6)
    .addOption(
      new Option(
        '--ordering <what>',
        'who orders a new network (default: that of the network in the folder, or else sequencer)'
      ).choices(ORDERINGS)
    )
    .option(
      '--miners <n>',
      'work: how many of them mine, from the first one on (default: 2)',
      wholeNumber(0, LIMITS.managedNodes)
    )
    .option('--mine <n>', 'work: each miner makes so many blocks unasked (default: no end)', wholeNumber(0))
    .addOption(
      new Option(
        '--topology <what>',
        'who keeps connected to whom: full, ring, line, star (node 1 in the middle), or random:D (each to D others at least)'
      )
        .argParser(topology)
        .default({ kind: 'full' }, 'full')
    )
    .option(
      '--seed <n>',
      'of a random topology (default: another one each time)',
      wholeNumber(0, 2 ** 32 - 1)
    )
    .action(async ({ json, seed = randomInt(2 ** 32), ...options }: UpOptions) => {
      const stopping = stopController({ within: LIMITS.managerStopMs })
      // The terminal has been closed.
      process.once('SIGHUP', () => stopping.abort(new Error('SIGHUP')))
      const display = displayOn(standardOutput, json === true)
      try {
        await runNetwork({ ...options, seed }, event => display.hear(event), stopping)
      } finally {
        display.close()
      }
    })
}

function status(): Command {
  return partOf('status')
    .description('Shows all nodes of the network that runs: height, head, peers, hash rate, and what waits.')
    .action(async ({ folder, json }: FolderOptions) => {
      let network: NetworkEventOf<'network'> | undefined
      const nodes: NetworkEventOf<'node'>[] = []
      await ask(folder, { request: 'status' }, event => {
        if (json) printJson(event)
        else if (event.event === 'network') network = event
        else if (event.event === 'node') nodes.push(event)
      })
      const width = standardOutput.isTTY ? standardOutput.columns || 80 : Number.POSITIVE_INFINITY
      if (!json) printResult(...networkTable(network, nodes, { width, height: Number.POSITIVE_INFINITY }))
    })
}

function mine(): Command {
  return partOf('mine')
    .description('Has a node make blocks now, and says which.')
    .option('--node <i>', 'which node (default: the first one that mines)', nodeNumber)
    .option('--count <n>', 'how many blocks', wholeNumber(1, MOST_BLOCKS), 1)
    .action(({ node, count, ...options }: FolderOptions & { node?: number; count: number }) =>
      tell(options, { request: 'mine', node: node ?? null, count })
    )
}

function start(): Command {
  return partOf('start')
    .description('Starts a node again that was stopped or killed, on its folder and address.')
    .requiredOption('--node <i>', 'which node', nodeNumber)
    .action(({ node, ...options }: FolderOptions & { node: number }) =>
      change(options, { request: 'start', node })
    )
}

function stop(): Command {
  return partOf('stop')
    .description('Stops all nodes in order, and the manager; or one node, which the others then forget.')
    .option('--node <i>', 'this node alone', nodeNumber)
    .action(({ node, ...options }: FolderOptions & { node?: number }) =>
      change(options, { request: 'stop', node: node ?? null })
    )
}

function kill(): Command {
  return partOf('kill')
    .description('Kills a node, as a crash would (SIGKILL). The others look for it until it is back.')
    .requiredOption('--node <i>', 'which node', nodeNumber)
    .action(({ node, ...options }: FolderOptions & { node: number }) =>
      change(options, { request: 'kill', node })
    )
}

function partition(): Command {
  return partOf('partition')
    .description(
      'Divides the network: nodes have to do with nodes of their group alone. Those that are not named make one more group.'
    )
    .argument('<groups>', 'such as 1,2,3/4,5,6 or 1-3/4-6', groups)
    .action((named: Groups, options: FolderOptions) =>
      change(options, { request: 'partition', groups: named })
    )
}

function heal(): Command {
  return partOf('heal')
    .description('Makes a divided network whole again.')
    .action((options: FolderOptions) => change(options, { request: 'heal' }))
}

function partOf(name: string): Command {
  return new Command(name)
    .option('--folder <dir>', 'of the network: its document, keys and databases', 'data/network')
    .option('--json', 'one JSON object a line on stdout')
}

/** Asks for something to be done, and prints what there is to say of it. */
async function tell({ folder, json }: FolderOptions, request: Request): Promise<void> {
  await ask(folder, request, event => {
    if (json) return printJson(event)
    const said = sentence(event, undefined)
    if (said === undefined)
      throw new Failure('ERR_OTHER_VERSION', 'the network manager said something that was not asked for')
    printResult(said)
  })
}

/** Asks for a change, and says for people what has come about; as JSON there is nothing to say but the exit code. */
async function change({ folder, json }: FolderOptions, request: Request): Promise<void> {
  const heard: NetworkEvent[] = []
  await ask(folder, request, event => heard.push(event))
  if (!json) printResult([good('SUCCESS'), `: ${outcomeOf(request, heard)}`])
}

function topology(text: string): Topology {
  const parsed = parseTopology(text)
  if (parsed === undefined) throw new InvalidArgumentError('It must be full, ring, line, star or random:D.')
  return parsed
}

function groups(text: string): Groups {
  const read = parseGroups(text)
  if (!read.ok) throw new InvalidArgumentError(read.why)
  return read.groups
}

const nodeNumber = wholeNumber(1, LIMITS.managedNodes)
