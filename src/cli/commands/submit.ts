import { Command } from 'commander'
import { runClient } from '../client-command.js'
import { Failure } from '../failure.js'
import { addresses, DEFAULTS } from '../options.js'
import { reporter } from '../output.js'
import { parseLine } from '../peer-command.js'
import { stopController } from '../run-peer.js'

interface SubmitOptions {
  readonly network: string
  readonly key: string
  readonly data: string
  readonly connect?: readonly string[]
  readonly json?: true
}

export function submitCommand(): Command {
  return new Command('submit')
    .description('Sends one message and waits for its receipt.')
    .argument('<message>', 'its text, or the whole message as a JSON object')
    .option('--network <file>', 'the network document', DEFAULTS.network)
    .option('--key <file>', 'the libp2p private key, made on first use', 'keys/client.key')
    .option('--data <dir>', 'the outbox', 'data/client')
    .option('--connect <multiaddr>', `repeatable (default: ${DEFAULTS.sequencer})`, addresses)
    .option('--json', 'one JSON object a line on stdout')
    .action(submit)
}

async function submit(message: string, options: SubmitOptions): Promise<void> {
  const files = { ...options, listen: [], connect: options.connect ?? [DEFAULTS.sequencer] }
  const { refused } = await runClient(
    files,
    once(parseLine(message)),
    reporter(options.json === true),
    stopController()
  )
  if (refused > 0) throw new Failure('the message was refused')
}

async function* once(value: unknown): AsyncIterable<unknown> {
  yield value
}
