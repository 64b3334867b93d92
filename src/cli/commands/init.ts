import { Command } from 'commander'
import { toHex } from '../../core/bytes.js'
import { peerIdToString } from '../../core/keys.js'
import { sequencerOf } from '../../core/network-document.js'
import { encryptionKeyBeside, makeNetwork } from '../network-setup.js'
import { DEFAULTS, wholeNumber } from '../options.js'
import { printJson } from '../output.js'

interface InitOptions {
  readonly network: string
  readonly key: string
  readonly name?: string
  readonly blockSize?: number
  readonly blockTimeout?: number
  readonly schema?: string
  readonly template?: string
  readonly member?: readonly string[]
  readonly json?: true
}

export function initCommand(): Command {
  return new Command('init')
    .description("Makes a network: its document, and the sequencer's keys where there are none yet.")
    .option('--network <file>', 'where the network document goes', DEFAULTS.network)
    .option('--key <file>', "the sequencer's private key", 'keys/sequencer.key')
    .option('--name <name>', 'what people call the network')
    .option('--block-size <n>', 'messages in a block', wholeNumber(1, 10_000))
    .option(
      '--block-timeout <ms>',
      'cut a shorter block when the oldest pending message is this old',
      wholeNumber(1)
    )
    .option('--schema <file>', 'JSON Schema (2020-12) of a message')
    .option('--member <peerid>', 'who may write; repeatable (default: anyone)', collect)
    .option('--template <file>', 'start from another document than the one that ships')
    .option('--json', 'one JSON object on stdout')
    .action(init)
}

async function init(options: InitOptions): Promise<void> {
  const { template, name, blockSize, blockTimeout, schema, member } = options
  const encryptionKey = encryptionKeyBeside(options.key)
  const network = await makeNetwork(
    { network: options.network, key: options.key, encryptionKey },
    {
      ...(template !== undefined && { template }),
      ...(name !== undefined && { name }),
      ...(blockSize !== undefined && { blockSize }),
      ...(blockTimeout !== undefined && { blockTimeout }),
      ...(schema !== undefined && { schema }),
      ...(member !== undefined && { members: member })
    }
  )
  const sequencer = peerIdToString(sequencerOf(network))
  const made = { network: options.network, id: toHex(network.id), sequencer, key: options.key, encryptionKey }
  if (options.json) return printJson(made)
  process.stdout.write(
    `made ${made.network} of network ${made.id}\nsequencer ${sequencer} with ${made.key} and ${encryptionKey}\n`
  )
}

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text]
}
