import { Command } from 'commander'
import type { PeerEvent, Report } from '../../node/events.js'
import { runClient } from '../client-command.js'
import { type SwarmKeyOption, withSwarmKeyOption } from '../closed-network.js'
import { Failure } from '../failure.js'
import { addresses, DEFAULTS } from '../options.js'
import { reporter } from '../output.js'
import { parseLine } from '../peer-command.js'
import { stopController } from '../run-peer.js'

interface SubmitOptions extends SwarmKeyOption {
  readonly network: string
  readonly key: string
  readonly data: string
  readonly connect?: readonly string[]
  readonly json?: true
}

export function submitCommand(): Command {
  const command = new Command('submit')
    .description('Sends one message and waits for its receipt.')
    .argument('<message>', 'its text, or the whole message as a JSON object')
    .option('--network <file>', 'the network document', DEFAULTS.network)
    .option('--key <file>', 'the libp2p private key, made on first use', 'keys/client.key')
    .option('--data <dir>', 'the outbox', 'data/client')
    .option('--connect <multiaddr>', `repeatable (default: ${DEFAULTS.sequencer})`, addresses)
  return withSwarmKeyOption(command).option('--json', 'one JSON object a line on stdout').action(submit)
}

async function submit(message: string, options: SubmitOptions): Promise<void> {
  const files = { ...options, listen: [], connect: options.connect ?? [DEFAULTS.sequencer] }
  const report = reporter(options.json === true)
  const stopping = stopController()
  const fate = new Fate()
  const heard: Report = event => {
    fate.hear(event)
    report(event)
  }
  await runClient(files, once(parseLine(message)), heard, stopping)
  if (stopping.signal.aborted)
    throw new Failure(
      'stopped before it was known what became of the message; if it was stored, it is sent when this client runs again'
    )
  if (!fate.isAccepted) throw new Failure('the message was refused')
}

/** What became of the newest message: those left over from earlier runs have lower sequences. */
class Fate {
  #highest = -1n
  /** The sequences that messages had first, where they were sealed again. */
  readonly #first = new Map<bigint, bigint>()
  isAccepted = false

  hear(event: PeerEvent): void {
    if (event.event === 'resealed') this.#first.set(event.as, this.#firstOf(event.sequence))
    if (event.event !== 'receipt' && event.event !== 'refused') return
    // Without a sequence it was refused before it was stored, and only the newest can be.
    const sequence = event.sequence === undefined ? 2n ** 64n : this.#firstOf(event.sequence)
    if (sequence <= this.#highest) return
    this.#highest = sequence
    this.isAccepted = event.event === 'receipt'
  }

  #firstOf(sequence: bigint): bigint {
    return this.#first.get(sequence) ?? sequence
  }
}

async function* once(value: unknown): AsyncIterable<unknown> {
  yield value
}
