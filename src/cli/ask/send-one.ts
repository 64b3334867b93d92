import type { Command } from 'commander'
import { type Hash, toHex } from '../../core/bytes.js'
import type { PeerEvent, Report } from '../../core/events.js'
import type { ChainNetwork, Network } from '../../core/network.js'
import { Failure, UsageError } from '../failure.js'
import { expectBlocks, readNetwork } from '../files/files.js'
import { addresses, DEFAULTS, wholeNumber } from '../options.js'
import { runClient } from '../peer/client-command.js'
import { type SwarmKeyOption, withSwarmKeyOption } from '../peer/closed-network.js'
import { stopController } from '../peer/run-peer.js'
import type { Said, Source } from '../terminal/input.js'
import { reporter, sentenceOfOne } from '../terminal/output.js'
import { printJson, printLine } from '../terminal/terminal.js'
import { waitForDepth } from './depth.js'

export interface SendOptions extends SwarmKeyOption {
  readonly network: string
  readonly key: string
  readonly data: string
  readonly marks?: string
  readonly connect?: readonly string[]
  readonly wait?: number
  readonly json?: true
}

/** What every command takes that sends one message. */
export function withSendOptions(command: Command): Command {
  command
    .option('--network <file>', 'the network document', DEFAULTS.network)
    .option('--key <file>', 'the libp2p private key, made on first use', DEFAULTS.clientKey)
    .option('--data <dir>', 'the outbox', 'data/client')
    .option('--marks <dir>', 'where it is kept what the key has signed (default: beside the key)')
    .option('--connect <address>', `repeatable (default: ${DEFAULTS.sequencer})`, addresses)
    .option(
      '--wait <n>',
      'among equals: wait until it stands in a block and that many are on the chain from there on, that one included',
      wholeNumber(1)
    )
  return withSwarmKeyOption(command).option('--json', 'one JSON object a line on stdout')
}

/**
 * Sends one message as a client does, and waits for what becomes of it: a sequencer's receipt, or a peer's word that it
 * has it, and so many blocks. Throws Failure where it is refused. Gives where it stands, as far as that is known.
 */
export async function sendOne(value: unknown, options: SendOptions): Promise<Standing> {
  const network = await readNetwork(options.network)
  const depth =
    options.wait === undefined ? undefined : { wanted: options.wait, network: expectReorgs(network) }
  const files = {
    ...options,
    listen: [],
    connect: options.connect ?? [DEFAULTS.sequencer],
    verify: 'light'
  } as const
  const report = reporter(options.json === true, printLine, sentenceOfOne)
  const fate = new SubmissionResult()
  let isDone = false
  // Exit code 0 says that the message was accepted, and stands as deep as it was to.
  const stopping = stopController({ lateCode: () => (isDone ? 0 : 1) })
  const heard: Report = event => {
    fate.hear(event)
    report(event)
  }
  const { sent, unsettled } = await runClient(files, once(value), heard, stopping)
  // What was heard may be of a message that an earlier run has left over.
  const isKnown = fate.isUnsent || (sent > 0 && unsettled === 0)
  if (stopping.signal.aborted && !isKnown)
    throw new Failure(
      'ERR_NOT_SETTLED',
      'stopped before it was known what became of the message; if it was stored, it is sent when this client runs again'
    )
  if (!fate.isAccepted)
    throw new Failure('ERR_REFUSED', `the message was refused: ${fate.refusal ?? 'the peer gives no reason'}`)
  if (depth === undefined || fate.leaf === undefined) {
    isDone = true
    return { position: fate.position }
  }
  const { wanted, network: ordered } = depth
  const { key, swarmKey, json } = options
  const asked = { key, connect: files.connect, ...(swarmKey && { swarmKey }) }
  const found = await waitForDepth(fate.leaf, wanted, ordered, asked, stopping.signal)
  const { position, height, id } = found
  if (json) printJson({ event: 'included', position, height, id: toHex(id), depth: found.depth })
  else printLine(`SUCCESS: message at position ${position} of block ${height}, ${found.depth} blocks deep`)
  return { position, height }
}

/** Throws UsageError where what has been accepted stays. */
function expectReorgs(network: Network): ChainNetwork {
  const ordered = expectBlocks(network, 'what is accepted stays: leave --wait out')
  if (ordered.sequencer === undefined) return ordered
  throw new UsageError(
    `"${network.document.name}" has a sequencer, whose receipt says that the message stays; --wait is for networks without one`
  )
}

/** Where a message stands that was sent, as far as that is known. */
export interface Standing {
  readonly position: number | undefined
  /** Of its block, where one was waited for. */
  readonly height?: number
}

/** Above all sequences. */
const UNSENT = 2n ** 64n

/** What became of the newest message: those left over from earlier runs have lower sequences. */
class SubmissionResult {
  #highest = -1n
  /** The sequences that messages had first, where they were sealed again. */
  readonly #first = new Map<bigint, bigint>()
  isAccepted = false
  /** Whether the newest message was refused before it was stored. */
  get isUnsent(): boolean {
    return this.#highest === UNSENT
  }
  /** In a sequencer's log. */
  position: number | undefined
  /** Where it is not a sequencer that has accepted it. */
  leaf: Hash | undefined
  /** Why it was refused. */
  refusal: string | undefined

  hear(event: PeerEvent): void {
    if (event.event === 'resealed') this.#first.set(event.as, this.#firstOf(event.sequence))
    if (event.event !== 'receipt' && event.event !== 'accepted' && event.event !== 'refused') return
    // Without a sequence it was refused before it was stored, and only the newest can be.
    const sequence = event.sequence === undefined ? UNSENT : this.#firstOf(event.sequence)
    if (sequence <= this.#highest) return
    this.#highest = sequence
    this.isAccepted = event.event !== 'refused'
    this.leaf = event.event === 'accepted' ? event.leaf : undefined
    this.position = event.event === 'receipt' ? event.position : undefined
    this.refusal = event.event === 'refused' ? `${event.reason}: ${event.detail}` : undefined
  }

  #firstOf(sequence: bigint): bigint {
    return this.#first.get(sequence) ?? sequence
  }
}

function once(value: unknown): Source {
  async function* read(): AsyncIterable<Said> {
    yield { ok: true, value }
  }
  return { kind: 'one', read }
}
