import { Command, InvalidArgumentError, Option } from 'commander'
import { APPLICATIONS } from '../../applications/registry.js'
import { toHex } from '../../core/bytes.js'
import { type Fields, type InitOption, InvalidOption } from '../../core/init-option.js'
import { peerIdToString } from '../../core/keys.js'
import type { Network } from '../../core/network.js'
import { initOf, NO_ORDER, ORDERING_NAMES, type OrderingName } from '../../rules/network-document.js'
import { UsageError } from '../failure.js'
import { encryptionKeyBeside, makeNetwork, type NetworkWishes, readJson } from '../make-network.js'
import { DEFAULTS, grants, peerIds, units, wholeNumber } from '../options.js'
import { printJson, printResult } from '../terminal/terminal.js'

interface InitOptions {
  readonly network: string
  readonly ordering: OrderingName
  readonly key?: string
  readonly name?: string
  readonly blockSize?: number
  readonly application?: string
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
  command.addOption(
    new Option(
      '--application <name>',
      "what messages mean (default: as the template says, 'messages')"
    ).choices(APPLICATIONS.map(({ type }) => type))
  )
  for (const { type, init } of APPLICATIONS)
    for (const option of init.options) command.addOption(optionOf(type, option))
  return command
    .option('--member <peerid>', 'who may write; repeatable (default: anyone)', peerIds)
    .option('--template <file>', 'start from another document than the one that ships')
    .option('--json', 'one JSON object on stdout')
    .action(init)
}

/** An option of a module, which its description names. */
function optionOf(module: string, { flags, description, value }: InitOption): Option {
  const option = new Option(flags, `${module}: ${description}`)
  switch (value?.kind) {
    case 'whole':
      return option.argParser(wholeNumber(value.least, value.most))
    case 'text':
      return option.argParser((text: string) => {
        if (!value.pattern.test(text)) throw new InvalidArgumentError(`It must be ${value.what}.`)
        return text
      })
    case 'units':
      return option.argParser(units)
    case 'grants':
      return option.argParser(grants)
    case 'file':
    case undefined:
      return option
  }
}

async function init(options: InitOptions, command: Command): Promise<void> {
  const { ordering, network: file, template, name, blockSize, member } = options
  const { key = 'keys/sequencer.key' } = options
  expectOptionsOf(options, command)
  const network = await makeNetwork({ network: file, key }, ordering, {
    section: {
      ...given(initOf(ordering).options, command),
      ...(blockSize !== undefined && { blockSize })
    },
    ...(template !== undefined && { template }),
    ...(name !== undefined && { name }),
    ...(await applicationOf(options, command)),
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

/** What options say, by the fields that they set. */
function given(options: readonly InitOption[], command: Command): Fields {
  const fields = options.map(({ flags }) => new Option(flags).attributeName())
  return Object.fromEntries(
    fields.flatMap(field => (isGiven(command, field) ? [[field, command.getOptionValue(field)]] : []))
  )
}

function isGiven(command: Command, field: string): boolean {
  return command.getOptionValueSource(field) === 'cli'
}

/** The flags of these that were given. */
function givenOf(flags: readonly string[], command: Command): readonly string[] {
  return flags
    .map(each => each.split(' ')[0] ?? each)
    .filter(flag => isGiven(command, new Option(flag).attributeName()))
}

/** Throws UsageError where an option is given that says something of another ordering. */
function expectOptionsOf({ ordering }: InitOptions, command: Command): void {
  if (ordering === NO_ORDER && isGiven(command, 'blockSize'))
    throw new UsageError('--block-size goes with blocks, and a network that has no order has none')
  for (const name of ORDERING_NAMES.filter(other => other !== ordering)) {
    const { options, hasOrderer, rewards } = initOf(name)
    const own = [
      ...options.map(({ flags }) => flags),
      ...(hasOrderer ? ['--key'] : []),
      ...(rewards ? ['--reward'] : [])
    ]
    for (const flag of givenOf(own, command))
      throw new UsageError(
        `${flag} goes with --ordering ${name} alone, and this is a network that ${initOf(ordering).phrase}`
      )
  }
}

/** Throws UsageError where the application does not go with the ordering, or an option with the application. */
async function applicationOf(
  { ordering, application: name }: InitOptions,
  command: Command
): Promise<Pick<NetworkWishes, 'application' | 'applicationFile' | 'isPrompt'>> {
  const isSet = ordering === NO_ORDER
  const fitting = APPLICATIONS.filter(({ init: { takesSet } }) => takesSet || !isSet)
  const module = fitting.find(({ type }) => type === name) ?? fitting[0]
  if (module === undefined) throw new RangeError('some application goes with each ordering')
  if (name !== undefined && module.type !== name)
    throw new UsageError(
      `--ordering ${ordering} goes with --application ${module.type} alone: ${name} need an order`
    )
  for (const { type, init: other } of APPLICATIONS.filter(({ type }) => type !== module.type))
    for (const flag of givenOf(
      other.options.map(({ flags }) => flags),
      command
    ))
      throw new UsageError(`${flag} goes with --application ${type} alone`)
  const { options, isPrompt, section } = module.init
  const fields = given(options, command)
  // Left to the template where nothing is said.
  if (Object.keys(fields).length === 0 && (name === undefined || isSet || module === fitting[0])) return {}
  const file = options.find(
    ({ flags, value }) => value?.kind === 'file' && givenOf([flags], command).length > 0
  )
  const field = file && new Option(file.flags).attributeName()
  const path = field === undefined ? undefined : String(fields[field])
  const read = field !== undefined && path !== undefined ? { [field]: await readJson(path) } : {}
  const { rewards } = initOf(ordering)
  const make = (template: Fields): Fields => section(template, { ...fields, ...read }, { isSet, rewards })
  const empty: Fields = { type: module.type }
  try {
    make(empty)
  } catch (error) {
    if (error instanceof InvalidOption) throw new UsageError(error.message)
    throw error
  }
  return {
    isPrompt,
    application: template => {
      const { type } = template
      return make(type === module.type ? template : empty)
    },
    ...(path !== undefined && { applicationFile: path })
  }
}
