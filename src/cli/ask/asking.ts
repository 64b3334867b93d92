import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { Command } from 'commander'
import { heaviest, WeighedPeer } from '../../client/heaviest.js'
import type { CheckpointedHeader } from '../../core/block.js'
import { type PeerIdBytes, toHex } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import { describeError } from '../../core/events.js'
import type { Evidence } from '../../core/evidence.js'
import { VerifierCache } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import type { Network } from '../../core/network.js'
import { within } from '../../lifecycle/waiting.js'
import { WrongAddress } from '../../network/connection-errors.js'
import { Host, type HostOptions } from '../../network/host.js'
import { AccountQueries } from '../../query/account-queries.js'
import type { BlockQueries } from '../../query/block-queries.js'
import { compareHeads } from '../../query/head-comparison.js'
import { Contradiction, QueryFailed } from '../../query/query-errors.js'
import type { Rules } from '../../rules/rules.js'
import { rulesOf } from '../../rules/rules.js'
import { readEvidence } from '../../validation/evidence-check.js'
import { Failure } from '../failure.js'
import { encodeEvidenceFile } from '../files/evidence-file.js'
import { exists, readOrderedNetwork } from '../files/files.js'
import { expectNoPeers } from '../files/folder-owner.js'
import { readIdentity } from '../files/key-files.js'
import { LastSeenHead } from '../files/last-seen.js'
import { createFile } from '../files/written-files.js'
import { addresses, DEFAULTS } from '../options.js'
import { closedNetwork, type SwarmKeyOption, withSwarmKeyOption } from '../peer/closed-network.js'
import { printLine } from '../terminal/terminal.js'

export interface ConnectingOptions extends SwarmKeyOption {
  readonly connect: string
  readonly key?: string
  /** Ends the wait for a connection. */
  readonly stopping?: AbortSignal
}

/** Goes on to the head that the peer shows now, which is verified. */
export type Advance = () => Promise<CheckpointedHeader>

/** The same for commands that may ask more than one. */
export interface ManyConnections extends Omit<ConnectingOptions, 'connect'> {
  readonly connect: readonly string[]
}

/** What every asking command takes. `connect`: the default one where none is named. */
export interface AskingOptions extends Omit<ConnectingOptions, 'connect'> {
  readonly connect?: readonly string[]
  readonly network: string
  readonly data: string
  readonly json?: true
}

export function askingCommand(name: string): Command {
  return withSwarmKeyOption(new Command(name))
    .option(
      '--connect <address>',
      `the peer to ask; among equals repeatable: the heaviest of their chains counts (default: ${DEFAULTS.sequencer})`,
      addresses
    )
    .option('--network <file>', 'the network document', DEFAULTS.network)
    .option('--data <dir>', 'where the head last seen is kept', 'data/tool')
    .option('--key <file>', 'ask with this private key, where a peer takes members only (default: a new one)')
    .option('--json', 'one JSON object on stdout')
}

/** What is done once there is somebody to ask. */
type Use<T> = (asker: AccountQueries, head: CheckpointedHeader, advance: Advance) => Promise<T>

/**
 * Connects, moves from the head last seen to the head now as a light client does, then asks. Nothing is printed that
 * has not been checked against the network document. Where the chain may move to another branch, no head says
 * what the next one must be: what a peer shows is then true of its chain, and another peer may have another one.
 */
export async function asking<T>(options: AskingOptions, use: Use<T>): Promise<T> {
  const ask = await readyToAsk(options)
  return ask(use)
}

/** Reads what stands in files. What it gives asks anew at each call, and needs none of them any more. */
export async function readyToAsk(options: AskingOptions): Promise<<T>(use: Use<T>) => Promise<T>> {
  const rules = rulesOf(await readOrderedNetwork(options.network))
  const access = await readAccess(options, rules.network)
  const ask = rules.ordering.sequencer === undefined ? askingEquals : askingOne
  return async use => {
    await expectNoPeers(options.data)
    return ask(options, access, rules, use)
  }
}

async function askingOne<T>(options: AskingOptions, access: Access, rules: Rules, use: Use<T>): Promise<T> {
  const { connect, data, stopping } = oneOf(options)
  return connecting([connect], access, stopping, async connections => {
    const { host, peer } = theOne(connections)
    const asker = new AccountQueries(host, peer, rules, () => Date.now())
    const seen = new LastSeenHead(data, rules)
    let head = await seen.read()
    const advance: Advance = async () => {
      const shown = await newestHead(asker, head)
      // Before any answer, which a peer that has shown two heads may keep back: what it has signed is not forgotten.
      if (shown !== head) await seen.raise(shown)
      head = shown
      asker.tieTo(head)
      return head
    }
    try {
      return await use(asker, await advance(), advance)
    } catch (error) {
      if (error instanceof Contradiction) await denounce(error, rules.network, data)
      throw error
    }
  })
}

/** The last one that is named, where one peer is asked. */
export function oneOf<T extends Pick<AskingOptions, 'connect'>>(
  options: T
): Omit<T, 'connect'> & { readonly connect: string } {
  return { ...options, connect: options.connect?.at(-1) ?? DEFAULTS.sequencer }
}

/** Asks the one of several peers whose chain has most work, and nothing of any other chain. */
async function askingEquals<T>(
  { connect = [DEFAULTS.sequencer], stopping }: AskingOptions,
  access: Access,
  rules: Rules,
  use: Use<T>
): Promise<T> {
  return connecting(connect, access, stopping, async connections => {
    const peers = weighedPeers(connections, rules)
    const found = await heaviest(peers, LIMITS.chainMs, new AbortController().signal)
    const problems = peers.flatMap(({ problem }) => problem?.why ?? [])
    if (found === undefined) throw new Failure('ERR_NO_CHAIN', problems.join('; '))
    for (const problem of problems) printLine(`this peer does not count: ${problem}`)
    const { best, compared } = found
    const { chain, asker } = best
    chain.expectWeight(chain.weight)
    const what = `${chain.head.header.height} blocks, their headers verified from the genesis on`
    printLine(
      compared.length === 1
        ? `as this peer has it, with no other compared: ${what}; its chain may yet move to another branch, and others may have a heavier one: name them with --connect as well`
        : `by the heaviest of the chains of ${compared.length} peers: ${what}; it may yet move to another branch`
    )
    return use(asker, chain.head, async () => {
      const again = await heaviest(peers, LIMITS.chainMs, new AbortController().signal)
      if (again?.best !== best)
        throw new QueryFailed(best.problem?.why ?? 'another peer has shown a heavier chain by now; ask again')
      chain.expectWeight(chain.weight)
      return chain.head
    })
  })
}

/** To be compared by their chains. */
export function weighedPeers(connections: readonly Connection[], rules: Rules): WeighedPeer[] {
  return connections.map(
    ({ host, peer, address }) => new WeighedPeer(host, peer, rules, () => Date.now(), address)
  )
}

/** Somebody to be asked. */
export interface Connection {
  readonly host: Host
  readonly peer: PeerIdBytes
  readonly address: string
}

/** Connects, as a peer of the moment unless there is a key. */
export function withConnection<T>(
  options: ConnectingOptions,
  network: Network,
  use: (connection: Connection) => Promise<T>
): Promise<T> {
  const connect = [options.connect]
  return withConnections({ ...options, connect }, network, connections => use(theOne(connections)))
}

/** The same to as many of several peers as answer. Throws Failure where none does. */
export async function withConnections<T>(
  options: ManyConnections,
  network: Network,
  use: (connections: readonly Connection[]) => Promise<T>
): Promise<T> {
  return connecting(options.connect, await readAccess(options, network), options.stopping, use)
}

function theOne([connection]: readonly Connection[]): Connection {
  if (connection === undefined) throw new RangeError('there is a connection, or it was said why not')
  return connection
}

/** As whom to connect, and with what. */
type Access = Pick<HostOptions, 'key' | 'swarmKey'>

async function readAccess(
  { key, swarmKey }: Pick<ConnectingOptions, 'key' | 'swarmKey'>,
  network: Network
): Promise<Access> {
  return {
    ...(await closedNetwork({ ...(swarmKey && { swarmKey }) }, network)),
    key: key === undefined ? await generateKeyPair('Ed25519') : await readIdentity(key)
  }
}

async function connecting<T>(
  addresses: readonly string[],
  access: Access,
  stopping = new AbortController().signal,
  use: (connections: readonly Connection[]) => Promise<T>
): Promise<T> {
  const host = await Host.create({ ...access, listen: [], topics: [] })
  await host.start()
  try {
    const connections = new Map<string, Connection>()
    const problems: Failure[] = []
    for (const address of addresses)
      try {
        const peer = await host.connect(address, within(LIMITS.dialMs, stopping))
        connections.set(toHex(peer), { host, peer, address })
      } catch (error) {
        problems.push(
          new Failure(
            'ERR_UNREACHABLE',
            error instanceof WrongAddress
              ? `${error.message}; name it right with --connect ADDRESS`
              : `no peer answers at ${address} (${describeError(error)}); start a peer there, or name another one with --connect ADDRESS`,
            { cause: error }
          )
        )
      }
    const [first] = problems
    if (first !== undefined && connections.size === 0) throw first
    for (const { message } of problems) printLine(message)
    return await use([...connections.values()])
  } finally {
    await host.stop()
  }
}

async function newestHead(asker: BlockQueries, held: CheckpointedHeader): Promise<CheckpointedHeader> {
  const compared = await compareHeads(asker, held)
  if (compared.kind === 'newer') return compared.head
  if (compared.kind === 'same') return held
  throw new Failure(
    'ERR_CHAIN_MOVED',
    `the log has shrunk: this peer shows block ${compared.head.header.height} as its head, and block ${held.header.height} was seen before; it has fallen behind, or the sequencer has rolled back: ask another peer with --connect ADDRESS`
  )
}

/** Writes the evidence to a file, where there is some that holds, and says where. */
async function denounce(
  { message, evidence }: Contradiction,
  network: Network,
  folder: string
): Promise<void> {
  const checked = evidence && (await evidenceThatHolds(evidence, network))
  if (checked === undefined) return
  const path = join(folder, `evidence-${toHex(checked.id)}`)
  // Its name is what it proves.
  if (!(await exists(path))) await createFile(path, encodeEvidenceFile(checked.bytes))
  throw new Failure(
    'ERR_SEQUENCER_LIED',
    `${message}. THE SEQUENCER HAS LIED: ${checked.detail}. The proof is in ${path}; anyone can check it with: tallystick verify ${path}`
  )
}

async function evidenceThatHolds(bytes: Uint8Array, network: Network): Promise<Evidence | undefined> {
  try {
    return await readEvidence(bytes, network, new VerifierCache())
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
