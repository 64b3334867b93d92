import { Command, Option } from 'commander'
import { SequencerMark } from '../../chain/signed-mark.js'
import { LOBBY } from '../../core/chat.js'
import { describeError, type Report } from '../../core/events.js'
import { peerIdToString, signerOf } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import { type Network, sequencerOf } from '../../core/network.js'
import { expectNothingSigned, SIGN_AGAIN } from '../../node/bind-to-mark.js'
import { createFollower } from '../../node/follower.js'
import { createSequencer, type Sequencer } from '../../node/sequencer.js'
import { orderingOf } from '../../rules/rules.js'
import { Failure, UsageError } from '../failure.js'
import { exists, expectBlocks, readNetwork, readOrderedNetwork } from '../files/files.js'
import { hasDatabase } from '../files/folder-owner.js'
import { makeEncryptionKey, readEncryptionKeys, readIdentity } from '../files/key-files.js'
import { expectEncryptionKeyNotLost, expectNetworkNotLost } from '../files/lost-files.js'
import { withMark } from '../files/marks.js'
import { expectOwnKey } from '../files/own-key.js'
import { encryptionKeyBeside, makeNetwork } from '../make-network.js'
import { addresses, DEFAULTS, positiveNumber, wholeNumber } from '../options.js'
import { type Example, withExamples } from '../terminal/help.js'
import { linesOfStandardInput, type Said, type Source } from '../terminal/input.js'
import { reporter } from '../terminal/output.js'
import { printLine } from '../terminal/terminal.js'
import { ticks } from '../terminal/ticks.js'
import { WaitingLine } from '../terminal/waiting-line.js'
import { runChat } from './chat-command.js'
import { type ClientFiles, type ClientVerification, runClient } from './client-command.js'
import { type ClosedNetworkOptions, withClosedNetworkOptions } from './closed-network.js'
import { type MiningOptions, runFullNode, withMiningOptions } from './full-node-command.js'
import { runReplica } from './replica-command.js'
import { expectOptionsOf, groupByRole, ROLES, type Role } from './role-options.js'
import { asFailure, hangups, running, stopController, untilAborted, withPeer } from './run-peer.js'

interface PeerCommandOptions extends ClosedNetworkOptions, MiningOptions {
  readonly role: Role
  readonly verify?: ClientVerification
  readonly keyGrace: number
  readonly network?: string
  readonly room?: string
  readonly key?: string
  readonly data?: string
  readonly marks?: string
  readonly signPositionsAgainAndRiskConviction?: true
  readonly listen?: readonly string[]
  readonly connect?: readonly string[] | false
  readonly rate: number
  readonly duration: number
  readonly stdin?: true
  readonly json?: true
}

/** Of a peer that keeps a log, or writes to one. */
interface LogPeerOptions extends PeerCommandOptions {
  readonly network: string
}

/** `words`: what it is called by. */
export function peerCommand(words = 'node dist/peer.js'): Command {
  const command = new Command('peer')
    .description('Runs one Tallystick peer until it is done or told to stop.')
    .addOption(
      new Option('--role <role>', 'what the peer is; must be given').choices(ROLES).makeOptionMandatory()
    )
    .option('--network <file>', `the network document (default: ${DEFAULTS.network}, chat: none)`)
    .option(
      '--key <file>',
      'the libp2p private key, made on first use (default: keys/<role>.key, chat: a new one each time)'
    )
    .option(
      '--listen <address>',
      `host:port or a multiaddr; repeatable (default: sequencer ${DEFAULTS.sequencer}, others port 0)`,
      addresses
    )
    .option(
      '--connect <address>',
      `host:port or a multiaddr; repeatable (default: ${DEFAULTS.sequencer}, sequencer: none, chat: asks)`,
      addresses
    )
    .option(
      '--no-connect',
      'connect to nobody: others connect to this peer, or the program that started it says whom to'
    )
  withClosedNetworkOptions(command)
    .option('--json', 'one JSON object a line on stdout')
    .option('--data <dir>', 'the database (default: data/<role>)')
    .option(
      '--key-grace <s>',
      'for how many seconds an encryption key opens after the next one was made',
      wholeNumber(0),
      LIMITS.keyGraceMs / 1000
    )
    .option(
      SIGN_AGAIN,
      'go on with a folder that holds less than the key has signed; any peer that has what it signed before can convict it'
    )
    .option(
      '--marks <dir>',
      'where it is kept what the key has signed (default: beside the key, in <key>.signed)'
    )
    .option('--rate <n>', 'messages a second', positiveNumber, 1)
    .option('--duration <s>', 'for how many seconds; 0: until stopped', wholeNumber(0), 60)
    .option('--stdin', 'send each line of standard input as a message instead')
    .addOption(
      new Option(
        '--verify <what>',
        'of each block all (full), or all but its messages’ signatures (headers); client: by proofs what concerns itself (light) (default: follower, client of a sequencer’s ledger: full, other clients: light)'
      ).choices(['full', 'headers', 'light'])
    )
  withMiningOptions(command).option('--room <name>', `the room (default: ${LOBBY})`)
  groupByRole(command)
  return withExamples(command.action(runPeer), examples(words))
}

function examples(words: string): readonly Example[] {
  return [
    [`${words} --role sequencer`, 'a sequencer, and where there is no network yet a new one'],
    [`${words} --role client --rate 10 --duration 0`, 'ten messages a second, until Ctrl-C'],
    [`seq 1 45 | ${words} --role client --stdin`, 'a message for each line'],
    [
      `${words} --role follower --connect 192.0.2.1:4100 --listen 0.0.0.0:4101`,
      'a copy of the chain, for others to ask'
    ],
    [`${words} --role miner --threads 2`, 'in a network of equals: tallystick init --ordering work']
  ]
}

async function runPeer(options: PeerCommandOptions, command: Command): Promise<void> {
  expectOptionsOf(options.role, command)
  const stopping = stopController()
  if (options.role === 'chat') return runChat(options, stopping)
  const report = reporter(options.json === true)
  const peer = { ...options, network: options.network ?? DEFAULTS.network }
  if (peer.role === 'sequencer') await runSequencer(peer, report, stopping)
  else if (peer.role !== 'client') await runFullCopy(peer.role, peer, report, stopping)
  else {
    const { taken } = await runClient(clientFiles(peer), sourceOf(peer), report, stopping)
    if (taken > 0)
      throw new Failure(
        'ERR_REFUSED',
        `messages that were refused because this key has signed others under their numbers: ${taken}; say them again, as this client goes on with higher numbers`
      )
  }
  report({ event: 'stopped' })
}

async function runSequencer(
  options: LogPeerOptions,
  report: Report,
  stopping: AbortController
): Promise<void> {
  const key = options.key ?? 'keys/sequencer.key'
  const encryptionKey = encryptionKeyBeside(key)
  const data = options.data ?? 'data/sequencer'
  if (!(await exists(options.network))) {
    if (options.membersOnly)
      throw new UsageError(
        `--members-only wants a network document that names members, and there is none at ${options.network}; make one with: tallystick init --member PEERID`
      )
    await expectNetworkNotLost(options.network, data)
    await makeNetwork({ network: options.network, key }, 'sequencer')
    printLine(`made a new network: ${options.network}, with its keys ${key} and ${encryptionKey}`)
  }
  const network = await readOrderedNetwork(options.network, FOLLOW_INSTEAD)
  if (!(await exists(key)))
    throw new Failure(
      'ERR_KEY_MISSING',
      `${options.network} names ${peerIdToString(sequencerOf(network))} as sequencer, whose key is not at ${key}; name its file with --key FILE`
    )
  await expectSequencerKey(network, key)
  await expectEncryptionKeyNotLost(encryptionKey, data)
  if (!(await exists(encryptionKey))) {
    await makeEncryptionKey(encryptionKey)
    printLine(`made a new encryption key: ${encryptionKey}`)
  }
  // From before the file is read: what changes after that is read again.
  const changes = hangups(stopping.signal)
  const openingKeys = await readEncryptionKeys(encryptionKey)
  const listen = options.listen ?? [DEFAULTS.sequencer]
  const files = { ...options, key, data, listen }
  const keyGraceMs = options.keyGrace * 1000
  const signsAgain = options.signPositionsAgainAndRiskConviction === true
  const lost = (failure: Failure): void => stopping.abort(failure)
  const line = new WaitingLine(orderingOf(network).blockSize)
  const owner = { key, marks: options.marks, peerId: sequencerOf(network), network, lost }
  await withMark(owner, SequencerMark.open, async mark => {
    if (!signsAgain && !(await hasDatabase(data))) expectNothingSigned(mark)
    const ofMark = { mark: mark.name, isTakenFromMark: signsAgain }
    await withPeer({ ...files, ofMark }, 'sequencer', network, report, stopping, async peer => {
      const sequencer = await createSequencer({
        ...peer,
        openingKeys,
        keyGraceMs,
        mark,
        signsAgain,
        askFirst: options.connect || [],
        ...(options.json !== true && { waiting: waiting => line.show(waiting) })
      }).catch(asFailure)
      try {
        await running(sequencer, stopping.signal, async () => {
          for await (const _ of changes) await rereadKeys(encryptionKey, sequencer, report)
        })
      } finally {
        line.close()
      }
    })
  })
}

/** A sequencer that runs goes on with the keys it has where the file is no good. */
async function rereadKeys(path: string, sequencer: Sequencer, report: Report): Promise<void> {
  try {
    await sequencer.useKeys(await readEncryptionKeys(path))
  } catch (error) {
    const problem = describeError(error)
    report({ event: 'warning', message: `the encryption keys stay as they are: ${problem}` })
  }
}

const FOLLOW_INSTEAD = 'all its peers are equal: run one with --role follower'

/** Who keeps a copy of what the network knows: of a sequencer's chain, among equals, of whom some mine, or where there is no order. */
async function runFullCopy(
  role: string,
  options: LogPeerOptions,
  report: Report,
  stopping: AbortController
): Promise<void> {
  const { verify: verification = 'full' } = options
  if (verification === 'light')
    throw new UsageError(
      `a ${role} keeps all blocks; --verify light is for a client, and here it is full or headers`
    )
  const network = await readNetwork(options.network)
  const files = {
    ...options,
    key: options.key ?? `keys/${role}.key`,
    data: options.data ?? `data/${role}`,
    listen: options.listen ?? [DEFAULTS.anyPort],
    connect: connectOf(options)
  }
  if (role === 'follower' && network.kind === 'set') return runReplica(files, network, report, stopping)
  const ordered = expectBlocks(network, FOLLOW_INSTEAD)
  if (role !== 'follower' || ordered.sequencer === undefined)
    return runFullNode(role, files, ordered, report, stopping)
  if (await exists(files.key)) {
    const { peerId } = signerOf(await readIdentity(files.key))
    expectOwnKey(ordered, peerId, { path: files.key, role: 'follower' })
  }
  await withPeer(files, 'follower', ordered, report, stopping, async peer => {
    const follower = await createFollower({ ...peer, connect: files.connect, verification }).catch(asFailure)
    await running(follower, stopping.signal, () => untilAborted(stopping.signal))
  })
}

/** Before anything is made: another sequencer's network must not get our files. */
async function expectSequencerKey(network: Network, path: string): Promise<void> {
  const sequencer = peerIdToString(sequencerOf(network))
  const peerId = peerIdToString(signerOf(await readIdentity(path)).peerId)
  if (peerId !== sequencer)
    throw new UsageError(
      `the key in ${path} is ${peerId}, but the network document names ${sequencer} as sequencer`
    )
}

function clientFiles(options: LogPeerOptions): ClientFiles {
  return {
    ...options,
    key: options.key ?? DEFAULTS.clientKey,
    data: options.data ?? 'data/client',
    listen: options.listen ?? [DEFAULTS.anyPort],
    connect: connectOf(options)
  }
}

/** Nobody, where this peer itself listens at the usual address. */
function connectOf({ connect, listen = [] }: PeerCommandOptions): readonly string[] {
  if (connect === false) return []
  return connect ?? [DEFAULTS.sequencer].filter(address => !listen.includes(address))
}

function sourceOf(options: PeerCommandOptions): Source {
  if (options.stdin === true) return linesOfStandardInput()
  return { kind: 'made up', read: signal => numbered(ticks(options, signal)) }
}

async function* numbered(source: AsyncIterable<number>): AsyncIterable<Said> {
  for await (const index of source) yield { ok: true, value: { text: `message ${index + 1}` } }
}
