import { Command, Option } from 'commander'
import type { LedgerSection } from '../../applications/ledger/section.js'
import { toHex } from '../../core/bytes.js'
import { peerIdToString } from '../../core/keys.js'
import { sequencerOf } from '../../core/network.js'
import { ORDERING_NAMES, type OrderingName } from '../../rules/network-document.js'
import { UsageError } from '../failure.js'
import type { NetworkWishes } from '../networks/network-setup.js'
import { encryptionKeyBeside, makeSequencerNetwork } from '../networks/sequencer-network.js'
import { makeUnorderedNetwork, type UnorderedNetworkWishes } from '../networks/unordered-network.js'
import { makeWorkNetwork } from '../networks/work-network.js'
import { compactTarget, DEFAULTS, type Grant, grants, peerIds, units, wholeNumber } from '../options.js'
import { printJson, printResult } from '../terminal/terminal.js'

interface InitOptions {
  readonly network: string
  readonly ordering: OrderingName
  readonly key?: string
  readonly name?: string
  readonly blockSize?: number
  readonly blockTimeout?: number
  readonly interval?: number
  readonly halfLife?: number
  readonly target?: string
  readonly emptyBlocks: boolean
  readonly maxReorg?: number
  readonly application?: 'messages' | 'ledger'
  readonly schema?: string
  readonly grant?: readonly Grant[]
  readonly reward?: string
  readonly leastFee?: string
  readonly template?: string
  readonly member?: readonly string[]
  readonly json?: true
}

const DAY_MS = 86_400_000
const LEDGER_TIMEOUT_MS = 1_000

export function initCommand(): Command {
  return new Command('init')
    .description("Makes a network: its document, and a sequencer's keys where there are none yet.")
    .option('--network <file>', 'where the network document goes', DEFAULTS.network)
    .addOption(
      new Option(
        '--ordering <name>',
        'who extends the chain: one sequencer, or whoever has done the work; none: there is no chain, and the application is the ledger'
      )
        .choices(ORDERING_NAMES)
        .default('sequencer')
    )
    .option('--key <file>', "sequencer: its private key (default: 'keys/sequencer.key')")
    .option('--name <name>', 'what people call the network')
    .option('--block-size <n>', 'messages in a block', wholeNumber(1, 10_000))
    .option(
      '--block-timeout <ms>',
      'sequencer: cut a shorter block when the oldest pending message is this old',
      wholeNumber(1)
    )
    .option('--interval <ms>', 'work: between two blocks, on average', wholeNumber(1, DAY_MS))
    .option(
      '--half-life <ms>',
      'work: behind the schedule by this the target has doubled (default: 30 intervals)',
      wholeNumber(1, DAY_MS)
    )
    .option('--target <hex>', 'work: of the first block, in compact form', compactTarget)
    .option('--no-empty-blocks', 'work: no block without a message')
    .option('--max-reorg <n>', 'work: how many blocks a heavier branch may replace', wholeNumber(1, 1_000))
    .addOption(
      new Option(
        '--application <name>',
        "what messages mean (default: as the template says, 'messages')"
      ).choices(['messages', 'ledger'])
    )
    .option('--schema <file>', 'messages: JSON Schema (2020-12) of a message')
    .option('--grant <peerid=amount>', 'ledger: what an account has at first; repeatable', grants)
    .option('--reward <n>', 'ledger, work: what each block makes for its producer', units)
    .option('--least-fee <n>', 'ledger: the least fee of a transfer', units)
    .option('--member <peerid>', 'who may write; repeatable (default: anyone)', peerIds)
    .option('--template <file>', 'start from another document than the one that ships')
    .option('--json', 'one JSON object on stdout')
    .action(init)
}

async function init(options: InitOptions): Promise<void> {
  const { template, name, blockSize, schema, member } = options
  expectOptionsOf(options)
  const ledger = ledgerOf(options)
  const wishes: NetworkWishes = {
    ...(template !== undefined && { template }),
    ...(name !== undefined && { name }),
    ...(blockSize !== undefined && { blockSize }),
    ...(schema !== undefined && { schema }),
    ...(ledger && { ledger }),
    ...(member !== undefined && { members: member })
  }
  switch (options.ordering) {
    case 'sequencer':
      return initSequencer(options, wishes)
    case 'work':
      return initWork(options, wishes)
    case 'none':
      return initUnordered(options, wishes)
  }
}

async function initSequencer(options: InitOptions, wishes: NetworkWishes): Promise<void> {
  const { key = 'keys/sequencer.key', application } = options
  // Who has paid waits for the block: only then can the other one spend it.
  const { blockTimeout = application === 'ledger' ? LEDGER_TIMEOUT_MS : undefined } = options
  const encryptionKey = encryptionKeyBeside(key)
  const network = await makeSequencerNetwork(
    { network: options.network, key, encryptionKey },
    { ...wishes, ...(blockTimeout !== undefined && { blockTimeout }) }
  )
  const sequencer = peerIdToString(sequencerOf(network))
  const made = { network: options.network, id: toHex(network.id), sequencer, key, encryptionKey }
  if (options.json) return printJson(made)
  printResult(
    `made ${made.network} of network ${made.id}`,
    `sequencer ${sequencer} with ${made.key} and ${encryptionKey}`
  )
}

async function initWork(options: InitOptions, wishes: NetworkWishes): Promise<void> {
  const { interval, halfLife, target, emptyBlocks, maxReorg } = options
  const network = await makeWorkNetwork(
    options.network,
    {
      ...wishes,
      ...(interval !== undefined && { interval }),
      ...(halfLife !== undefined && { halfLife }),
      ...(target !== undefined && { target }),
      // Left to the template where nothing is said.
      ...(!emptyBlocks && { emptyBlocks }),
      ...(maxReorg !== undefined && { maxReorg })
    },
    Date.now()
  )
  const made = { network: options.network, id: toHex(network.id) }
  if (options.json) return printJson(made)
  printResult(
    `made ${made.network} of network ${made.id}`,
    `its schedule of blocks begins now: start to mine soon, or make it again when you do`
  )
}

async function initUnordered(options: InitOptions, wishes: UnorderedNetworkWishes): Promise<void> {
  const network = await makeUnorderedNetwork(options.network, wishes)
  const made = { network: options.network, id: toHex(network.id) }
  if (options.json) return printJson(made)
  printResult(
    `made ${made.network} of network ${made.id}`,
    `all its peers are equal: run each with --role follower`
  )
}

const KINDS: Readonly<Record<OrderingName, string>> = {
  sequencer: 'is ordered by a sequencer',
  work: 'is ordered by work',
  none: 'has no order'
}

/** Throws UsageError where an option is given that says something of another ordering. */
function expectOptionsOf(options: InitOptions): void {
  if (options.ordering === 'none' && options.blockSize !== undefined)
    throw new UsageError('--block-size goes with blocks, and a network that has no order has none')
  const given = {
    sequencer: { '--key': options.key, '--block-timeout': options.blockTimeout },
    work: {
      '--interval': options.interval,
      '--half-life': options.halfLife,
      '--target': options.target,
      '--no-empty-blocks': options.emptyBlocks ? undefined : true,
      '--max-reorg': options.maxReorg,
      '--reward': options.reward
    }
  }
  for (const [ordering, values] of Object.entries(given))
    for (const [option, value] of Object.entries(values))
      if (ordering !== options.ordering && value !== undefined)
        throw new UsageError(
          `${option} goes with --ordering ${ordering} alone, and this is a network that ${KINDS[options.ordering]}`
        )
}

/** Throws UsageError where an option is given that says something of the other application. */
function ledgerOf(options: InitOptions): LedgerSection | undefined {
  const { ordering, schema, grant = [], reward, leastFee } = options
  const isUnordered = ordering === 'none'
  const { application = isUnordered ? 'ledger' : undefined } = options
  const isLedger = application === 'ledger'
  if (isUnordered && !isLedger)
    throw new UsageError('--ordering none goes with --application ledger alone: messages need an order')
  if (isLedger && schema !== undefined)
    throw new UsageError('--schema goes with messages alone: what a transfer is needs no schema')
  const given = { '--grant': options.grant, '--reward': reward, '--least-fee': leastFee }
  for (const [option, value] of Object.entries(given))
    if (!isLedger && value !== undefined)
      throw new UsageError(`${option} goes with --application ledger alone`)
  if (!isLedger) return undefined
  if (isUnordered) {
    // Who has nothing can pay there. Left to the template where nothing is said.
    if (options.grant === undefined && leastFee === undefined) return undefined
  } else if (grant.length === 0 && (reward ?? '0') === '0')
    throw new UsageError(
      `nobody would ever have anything: name who has what at first with --grant PEERID=AMOUNT${ordering === 'work' ? ', or what each block makes with --reward N' : ''}`
    )
  const accounts = Object.fromEntries(grant.map(({ to, amount }) => [to, amount]))
  if (Object.keys(accounts).length < grant.length) throw new UsageError('--grant names one account twice')
  return {
    type: 'ledger',
    accounts,
    ...(reward !== undefined && { reward }),
    ...(leastFee !== undefined && { leastFee })
  }
}
