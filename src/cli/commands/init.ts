import { Command, InvalidArgumentError, Option } from 'commander'
import type { LedgerSection } from '../../applications/ledger/section.js'
import { toHex } from '../../core/bytes.js'
import { peerIdToString } from '../../core/keys.js'
import type { Network } from '../../core/network.js'
import type { Fields, InitOption } from '../../orderings/ordering.js'
import { initOf, NO_ORDER, ORDERING_NAMES, type OrderingName } from '../../rules/network-document.js'
import { UsageError } from '../failure.js'
import { encryptionKeyBeside, makeNetwork } from '../make-network.js'
import { DEFAULTS, type Grant, grants, peerIds, units, wholeNumber } from '../options.js'
import { printJson, printResult } from '../terminal/terminal.js'

interface InitOptions {
  readonly network: string
  readonly ordering: OrderingName
  readonly key?: string
  readonly name?: string
  readonly blockSize?: number
  readonly application?: 'messages' | 'ledger'
  readonly schema?: string
  readonly grant?: readonly Grant[]
  readonly reward?: string
  readonly leastFee?: string
  readonly template?: string
  readonly member?: readonly string[]
  readonly json?: true
}

export function initCommand(): Command {
  const command = new Command('init')
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
  for (const name of ORDERING_NAMES)
    for (const option of initOf(name).options) command.addOption(optionOf(name, option))
  return command
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

/** An option of an ordering's module, which its description names. */
function optionOf(name: OrderingName, { flags, description, value }: InitOption): Option {
  const option = new Option(flags, `${name}: ${description}`)
  if (value?.kind === 'whole') option.argParser(wholeNumber(value.least, value.most))
  if (value?.kind === 'text')
    option.argParser((text: string) => {
      if (!value.pattern.test(text)) throw new InvalidArgumentError(`It must be ${value.what}.`)
      return text
    })
  return option
}

async function init(options: InitOptions, command: Command): Promise<void> {
  const { ordering, network: file, template, name, blockSize, schema, member, application } = options
  const { key = 'keys/sequencer.key' } = options
  expectOptionsOf(options, command)
  const ledger = ledgerOf(options)
  const network = await makeNetwork({ network: file, key }, ordering, {
    section: { ...given(ordering, command), ...(blockSize !== undefined && { blockSize }) },
    isPrompt: application === 'ledger',
    ...(template !== undefined && { template }),
    ...(name !== undefined && { name }),
    ...(schema !== undefined && { schema }),
    ...(ledger && { ledger }),
    ...(member !== undefined && { members: member })
  })
  show(options, network, key)
}

function show({ network: file, ordering, json }: InitOptions, network: Network, key: string): void {
  const made = { network: file, id: toHex(network.id) }
  const line = `made ${made.network} of network ${made.id}`
  const sequencer = network.kind === 'chain' ? network.sequencer : undefined
  if (sequencer === undefined) {
    const { next } = initOf(ordering)
    if (json) printJson(made)
    else printResult(line, ...(next === undefined ? [] : [next]))
    return
  }
  const keys = { sequencer: peerIdToString(sequencer), key, encryptionKey: encryptionKeyBeside(key) }
  if (json) printJson({ ...made, ...keys })
  else printResult(line, `sequencer ${keys.sequencer} with ${key} and ${keys.encryptionKey}`)
}

/** What the options of an ordering say, by the fields of its section. */
function given(ordering: OrderingName, command: Command): Fields {
  const fields = initOf(ordering).options.map(({ flags }) => new Option(flags).attributeName())
  return Object.fromEntries(
    fields.flatMap(field => (isGiven(command, field) ? [[field, command.getOptionValue(field)]] : []))
  )
}

function isGiven(command: Command, field: string): boolean {
  return command.getOptionValueSource(field) === 'cli'
}

/** Throws UsageError where an option is given that says something of another ordering. */
function expectOptionsOf({ ordering }: InitOptions, command: Command): void {
  if (ordering === NO_ORDER && isGiven(command, 'blockSize'))
    throw new UsageError('--block-size goes with blocks, and a network that has no order has none')
  for (const name of ORDERING_NAMES) {
    const { options, hasOrderer, rewards } = initOf(name)
    const own = [
      ...options.map(({ flags }) => flags.split(' ')[0] ?? flags),
      ...(hasOrderer ? ['--key'] : []),
      ...(rewards ? ['--reward'] : [])
    ]
    for (const flag of own)
      if (name !== ordering && isGiven(command, new Option(flag).attributeName()))
        throw new UsageError(
          `${flag} goes with --ordering ${name} alone, and this is a network that ${initOf(ordering).phrase}`
        )
  }
}

/** Throws UsageError where an option is given that says something of the other application. */
function ledgerOf(options: InitOptions): LedgerSection | undefined {
  const { ordering, schema, grant = [], reward, leastFee } = options
  const isSet = ordering === NO_ORDER
  const { application = isSet ? 'ledger' : undefined } = options
  const isLedger = application === 'ledger'
  if (isSet && !isLedger)
    throw new UsageError('--ordering none goes with --application ledger alone: messages need an order')
  if (isLedger && schema !== undefined)
    throw new UsageError('--schema goes with messages alone: what a transfer is needs no schema')
  const values = { '--grant': options.grant, '--reward': reward, '--least-fee': leastFee }
  for (const [option, value] of Object.entries(values))
    if (!isLedger && value !== undefined)
      throw new UsageError(`${option} goes with --application ledger alone`)
  if (!isLedger) return undefined
  if (isSet) {
    // Who has nothing can pay there. Left to the template where nothing is said.
    if (options.grant === undefined && leastFee === undefined) return undefined
  } else if (grant.length === 0 && (reward ?? '0') === '0')
    throw new UsageError(
      `nobody would ever have anything: name who has what at first with --grant PEERID=AMOUNT${initOf(ordering).rewards ? ', or what each block makes with --reward N' : ''}`
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
