import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, networkIn, ranges } from '../../chain/store.js'
import { type ReadBlock, storedBlocks } from '../../chain/stored-blocks.js'
import { isOutbox } from '../../client/outbox-owner.js'
import { equal } from '../../core/bytes.js'
import { hasCode, systemCode } from '../../core/errors.js'
import { describeError } from '../../core/events.js'
import type { Network } from '../../core/network.js'
import { addressFrom, addressProblem } from '../../network/addresses.js'
import { parseCanonicalNetwork } from '../../rules/network-document.js'
import type { Rules } from '../../rules/rules.js'
import { rulesOf } from '../../rules/rules.js'
import { Failure, UsageError } from '../failure.js'
import { exists, expectBlocks, readNetwork } from '../files/files.js'
import { CHAIN_COPY } from '../files/folder-contents.js'
import { type OpenedLog, openLog } from '../files/log-file.js'
import { withReadOnly } from '../files/reading-folder.js'
import { DEFAULTS } from '../options.js'
import type { SwarmKeyOption } from '../peer/closed-network.js'
import { askedBlocks } from './asked-blocks.js'
import { asking } from './asking.js'

/** A log, wherever it is: in the folder of a stopped peer, in a file, or with a peer that is asked. */
export interface LogSource {
  readonly rules: Rules
  /** Those after the genesis, as they are found there. */
  readonly blocks: AsyncIterable<ReadBlock>
  /** How much of it has been read, of how much. */
  readonly progress: { readonly total: number; readonly unit: string; readonly done: () => number }
  /** Where it is a folder. */
  readonly database?: Database
}

export interface SourceOptions extends SwarmKeyOption {
  /** Undefined: the default one where it is there, else what a file says of itself. */
  readonly network?: string
  /** Where the head last seen is kept. */
  readonly data: string
  /** The file of the private key that a peer is asked with; a new one where it is left out. */
  readonly askWith?: string
}

export type Target =
  | { readonly kind: 'folder' | 'file'; readonly name: string }
  /** Of several peers, the heaviest chain counts where there are branches. */
  | { readonly kind: 'peer'; readonly connect: readonly string[] }

/** Those that `--connect` names. */
export function peersTarget(connect: readonly string[] = [DEFAULTS.sequencer]): Target {
  return { kind: 'peer', connect }
}

/** Throws UsageError where it is nothing of the three. */
export async function targetOf(name: string): Promise<Target> {
  if (await exists(name)) return { kind: (await stat(name)).isDirectory() ? 'folder' : 'file', name }
  const address = addressFrom(name)
  if (address !== undefined) return { kind: 'peer', connect: [address] }
  throw new UsageError(`${name} is no folder, no file and no address: ${addressProblem(name)}`)
}

/** Opens a log for as long as `use` takes. */
export function withLog(
  target: Target,
  options: SourceOptions,
  use: (source: LogSource) => Promise<void>
): Promise<void> {
  switch (target.kind) {
    case 'folder':
      return withFolder(target.name, options, use)
    case 'file':
      return withFile(target.name, options, use)
    case 'peer':
      return withPeer(target.connect, options, use)
  }
}

/** What a stopped peer has stored, and of what network it is. */
export async function withStored<T>(
  folder: string,
  options: Pick<SourceOptions, 'network'>,
  use: (database: Database, network: Network) => Promise<T>
): Promise<T> {
  const stored = withReadOnly(folder, async database => {
    const document = await networkIn(database)
    if (document === undefined) throw new Failure('ERR_WRONG_CONTENT', `${folder} holds no log`)
    if (await isOutbox(database))
      throw new Failure(
        'ERR_WRONG_CONTENT',
        `${folder} holds the messages of a client, and no log; name the folder of a sequencer or a follower, or ${join(folder, CHAIN_COPY)} where the client keeps a copy of the chain`
      )
    return use(database, await networkFor(document, options.network, folder))
  })
  return stored.catch((error: unknown) => {
    throw damaged(error, folder)
  })
}

/** The error that names the folder and says what to do about its damage; any other error as it is. */
function damaged(error: unknown, folder: string): unknown {
  const advice = `start its peer on it, which says how to mend it, or name another copy`
  if (systemCode(error) === 'LEVEL_CORRUPTION')
    return new Failure(
      'ERR_DAMAGED',
      `the database in ${folder} is damaged (${describeError(error)}); ${advice}`,
      { cause: error }
    )
  return hasCode(error, 'ERR_FILES_DAMAGED')
    ? new Failure('ERR_DAMAGED', `${error.message}; ${advice}`, { cause: error })
    : error
}

function withFolder(
  folder: string,
  options: SourceOptions,
  use: (source: LogSource) => Promise<void>
): Promise<void> {
  return withStored(folder, options, async (database, network) => {
    let done = 0
    const [last] = await database.keys({ ...ranges.headers, reverse: true, limit: 1 }).all()
    const rules = rulesOf(expectBlocks(network))
    await use({
      rules,
      blocks: counting(storedBlocks(database, rules.ordering), () => {
        done += 1
      }),
      progress: { total: last ? Buffer.from(last).readUIntBE(1, 6) : 0, unit: 'blocks', done: () => done },
      database
    })
  })
}

/** What a stopped peer has kept of the sequencer's lies, not checked. */
export function evidenceIn(folder: string): Promise<Uint8Array[]> {
  return withReadOnly(folder, database => database.values(ranges.evidence).all()).catch((error: unknown) => {
    throw damaged(error, folder)
  })
}

async function withFile(
  path: string,
  options: SourceOptions,
  use: (source: LogSource) => Promise<void>
): Promise<void> {
  const log: OpenedLog = await openLog(path)
  try {
    const network = await networkFor(log.document, options.network, path)
    const progress = { total: log.length, unit: 'bytes', done: log.read }
    const rules = rulesOf(expectBlocks(network))
    await use({ rules, blocks: log.blocks(rules.ordering), progress })
  } finally {
    log.close()
  }
}

async function withPeer(
  connect: readonly string[],
  options: SourceOptions,
  use: (source: LogSource) => Promise<void>
): Promise<void> {
  const network = options.network ?? DEFAULTS.network
  const { data, askWith, swarmKey } = options
  const asked = { network, connect, data, ...(askWith && { key: askWith }), ...(swarmKey && { swarmKey }) }
  await asking(asked, async (asker, head) => {
    let done = 0
    const total = head.header.height
    await use({
      rules: asker.rules,
      blocks: counting(askedBlocks(asker, head), () => {
        done += 1
      }),
      progress: { total, unit: 'blocks', done: () => done }
    })
  })
}

async function* counting(blocks: AsyncIterable<ReadBlock>, count: () => void): AsyncIterable<ReadBlock> {
  for await (const read of blocks) {
    count()
    yield read
  }
}

/** What is there must be of the network that is named; where none is, of the one it carries. */
export async function networkFor(
  document: Uint8Array,
  path: string | undefined,
  where: string
): Promise<Network> {
  if (path === undefined && !(await exists(DEFAULTS.network))) return networkCarried(document, where)
  const network = await readNetwork(path ?? DEFAULTS.network)
  if (equal(network.canonical, document)) return network
  throw new Failure(
    'ERR_OTHER_NETWORK',
    `${where} is of another network than ${path ?? DEFAULTS.network} describes; name its document with --network FILE`
  )
}

function networkCarried(document: Uint8Array, where: string): Network {
  try {
    return parseCanonicalNetwork(document)
  } catch {
    throw new Failure('ERR_NETWORK_DOCUMENT', `${where} holds no valid network document`)
  }
}
