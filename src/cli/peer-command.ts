import { createInterface } from 'node:readline'
import { Command, Option } from 'commander'
import { LIMITS } from '../core/limits.js'
import type { Report } from '../node/events.js'
import { describeError } from '../node/events.js'
import type { Service } from '../node/service.js'
import { type Client, createClient } from '../roles/client.js'
import type { PeerOptions } from '../roles/peer-options.js'
import { createSequencer, WrongKey } from '../roles/sequencer.js'
import { errorCode, Failure, UsageError } from './failure.js'
import {
  addEncryptionKey,
  exists,
  openDatabase,
  readEncryptionKeys,
  readNetwork,
  readOrMakeIdentity
} from './files.js'
import { encryptionKeyBeside, makeNetwork } from './network-setup.js'
import { addresses, DEFAULTS, positiveNumber, wholeNumber } from './options.js'
import { printLine, reporter } from './output.js'
import { ticks } from './ticks.js'

interface PeerCommandOptions {
  readonly role: 'sequencer' | 'client'
  readonly network: string
  readonly key?: string
  readonly data?: string
  readonly listen?: readonly string[]
  readonly connect?: readonly string[]
  readonly rate: number
  readonly duration: number
  readonly stdin?: true
  readonly json?: true
}

export function peerCommand(): Command {
  return new Command('peer')
    .description('Runs one Tallystick peer until it is done or told to stop.')
    .addOption(
      new Option('--role <role>', 'what the peer is').choices(['sequencer', 'client']).makeOptionMandatory()
    )
    .option('--network <file>', 'the network document', DEFAULTS.network)
    .option('--key <file>', 'the libp2p private key, made on first use (default: keys/<role>.key)')
    .option('--data <dir>', 'the database (default: data/<role>)')
    .option(
      '--listen <multiaddr>',
      `repeatable (default: sequencer ${DEFAULTS.sequencer}, others port 0)`,
      addresses
    )
    .option('--connect <multiaddr>', `repeatable (default: ${DEFAULTS.sequencer})`, addresses)
    .option('--rate <n>', 'client: messages a second', positiveNumber, 1)
    .option('--duration <s>', 'client: for how many seconds; 0: until stopped', wholeNumber(0), 60)
    .option('--stdin', 'client: send each line of standard input as a message instead')
    .option('--json', 'one JSON object a line on stdout')
    .action(runPeer)
}

async function runPeer(options: PeerCommandOptions): Promise<void> {
  const report = reporter(options.json === true)
  const stopping = stopSignal()
  if (options.role === 'sequencer') await runSequencer(options, report, stopping)
  else await runClient(options, report, stopping)
  report({ event: 'stopped' })
}

async function runSequencer(
  options: PeerCommandOptions,
  report: Report,
  stopping: AbortSignal
): Promise<void> {
  const key = options.key ?? 'keys/sequencer.key'
  const encryptionKey = encryptionKeyBeside(key)
  if (!(await exists(options.network))) {
    await makeNetwork({ network: options.network, key, encryptionKey })
    printLine(`made a new network: ${options.network}, with its keys ${key} and ${encryptionKey}`)
  }
  const network = await readNetwork(options.network)
  if (!(await exists(key)))
    throw new Failure(
      `${options.network} names ${network.document.ordering.sequencer} as sequencer, whose key is not at ${key}; name its file with --key FILE`
    )
  if (!(await exists(encryptionKey))) {
    await addEncryptionKey(encryptionKey)
    printLine(`made a new encryption key: ${encryptionKey}`)
  }
  const openingKeys = await readEncryptionKeys(encryptionKey)
  await withPeer({ ...options, key }, network, report, [DEFAULTS.sequencer], async peer => {
    const sequencer = await createSequencer({ ...peer, openingKeys }).catch(asFailure)
    await running(sequencer, stopping, peer.failure, () => untilAborted(stopping))
  })
}

async function runClient(options: PeerCommandOptions, report: Report, stopping: AbortSignal): Promise<void> {
  const network = await readNetwork(options.network)
  const connect = options.connect ?? [DEFAULTS.sequencer]
  const key = options.key ?? 'keys/client.key'
  await withPeer({ ...options, key }, network, report, [DEFAULTS.anyPort], async peer => {
    const client = await createClient({ ...peer, connect })
    const source = options.stdin === true ? linesOf(process.stdin) : numbered(ticks(options, stopping))
    try {
      await running(client, stopping, peer.failure, () => converse(client, source, connect, stopping))
    } finally {
      report({ event: 'summary', ...client.summary() })
    }
  })
}

/** Sends all that the source gives, and waits for what becomes of it. */
async function converse(
  client: Client,
  source: AsyncIterable<unknown>,
  connect: readonly string[],
  stopping: AbortSignal
): Promise<void> {
  await client
    .connected(AbortSignal.any([stopping, AbortSignal.timeout(LIMITS.firstConnectionMs)]))
    .catch(() => {
      if (!stopping.aborted)
        throw new Failure(
          `no sequencer answered at ${connect.join(', ')} within ${LIMITS.firstConnectionMs / 1000} s; start one, or name it with --connect MULTIADDR`
        )
    })
  for await (const value of source) {
    if (stopping.aborted) break
    await client.send(value, stopping)
  }
  const patience = stopping.aborted ? LIMITS.stopMs / 5 : LIMITS.lastReceiptsMs
  const left = await client.settled(AbortSignal.any([AbortSignal.timeout(patience), stopping]))
  if (left > 0 && !stopping.aborted)
    throw new Failure(
      `${left} messages have no receipt yet; they stay in the outbox and are sent when this client runs again on the same folder`
    )
}

/** Opens what a role needs, runs it, and closes the database whatever happens. */
async function withPeer(
  options: PeerCommandOptions & { readonly key: string },
  network: PeerOptions['network'],
  report: Report,
  listen: readonly string[],
  use: (peer: PeerOptions & { readonly failure: Promise<never> }) => Promise<void>
): Promise<void> {
  const key = await readOrMakeIdentity(options.key)
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => undefined)
  const database = await openDatabase(options.data ?? `data/${options.role}`)
  try {
    await use({
      key,
      network,
      database,
      report,
      listen: options.listen ?? listen,
      now: () => Date.now(),
      failed: error => failure.reject(new Failure(error.message)),
      failure: failure.promise
    })
  } finally {
    await database.close()
  }
}

/** Starts a peer, lets it work until the work is done or it fails, and stops it within its time. */
async function running(
  peer: Service,
  stopping: AbortSignal,
  failure: Promise<never>,
  work: () => Promise<void>
): Promise<void> {
  try {
    await peer.start().catch(asFailure)
    await Promise.race([work(), failure])
  } finally {
    const late = setTimeout(() => {
      printLine(`it did not stop within ${LIMITS.stopMs} ms; what was accepted is on disk`)
      process.exit(stopping.aborted ? 0 : 1)
    }, LIMITS.stopMs - 500)
    await peer.stop()
    clearTimeout(late)
  }
}

function asFailure(error: unknown): never {
  if (errorCode(error) === 'EADDRINUSE' || /EADDRINUSE/.test(describeError(error)))
    throw new Failure(
      'the address is in use by another program; stop that one, or give another one with --listen MULTIADDR'
    )
  if (error instanceof WrongKey) throw new UsageError(error.message)
  throw error
}

/** Fires at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130)
      controller.abort(new Error(name))
    })
  return controller.signal
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** A line that is a JSON object is the message; any other line is its text. Empty lines say nothing. */
async function* linesOf(input: NodeJS.ReadableStream): AsyncIterable<unknown> {
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }))
    if (line.trim() !== '') yield parseLine(line)
}

function parseLine(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Not JSON: a text.
  }
  return { text: line }
}

async function* numbered(source: AsyncIterable<number>): AsyncIterable<unknown> {
  for await (const index of source) yield { text: `message ${index + 1}` }
}
