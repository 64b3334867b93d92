import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, networkIn, ranges } from '../../chain/store.js'
import { isOutbox } from '../../client/outbox-owner.js'
import { equal } from '../../core/bytes.js'
import { hasCode, systemCode } from '../../core/errors.js'
import { describeError } from '../../core/events.js'
import type { Network } from '../../core/network.js'
import { addressFrom, addressProblem } from '../../network/addresses.js'
import { parseCanonicalNetwork } from '../../rules/network-document.js'
import { Failure, UsageError } from '../failure.js'
import { type ExportFile, openExport } from '../files/export-file.js'
import { exists, expectBlocks, readNetwork } from '../files/files.js'
import { CHAIN_COPY } from '../files/folder-contents.js'
import { withReadOnly } from '../files/reading-folder.js'
import { DEFAULTS } from '../options.js'
import type { SwarmKeyOption } from '../peer/closed-network.js'
import type { AskingOptions } from './asking.js'

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

/** Where it is opened. To be read once. */
export type Place =
  | { readonly kind: 'folder'; readonly database: Database }
  | { readonly kind: 'file'; readonly file: ExportFile }
  | { readonly kind: 'peer'; readonly asked: AskingOptions }

/** Opens a folder or a file for as long as `use` takes, and says of what network it is. `use` connects to a peer by itself. */
export async function withPlace<T>(
  target: Target,
  options: SourceOptions,
  use: (place: Place, network: Network) => Promise<T>
): Promise<T> {
  switch (target.kind) {
    case 'folder':
      return withStored(target.name, options.network, use)
    case 'file':
      return withFile(target.name, options.network, use)
    case 'peer': {
      const { network = DEFAULTS.network, data, askWith, swarmKey } = options
      const access = { ...(askWith && { key: askWith }), ...(swarmKey && { swarmKey }) }
      const asked = { network, connect: target.connect, data, ...access }
      return use({ kind: 'peer', asked }, await readNetwork(network))
    }
  }
}

/** What a stopped peer has stored. */
async function withStored<T>(
  folder: string,
  named: string | undefined,
  use: (place: Place, network: Network) => Promise<T>
): Promise<T> {
  const stored = withReadOnly(folder, async database => {
    const document = await networkIn(database)
    if (document === undefined) throw new Failure('ERR_WRONG_CONTENT', `${folder} holds no log`)
    if (await isOutbox(database))
      throw new Failure(
        'ERR_WRONG_CONTENT',
        `${folder} holds the messages of a client, and no log; name the folder of a sequencer or a follower, or ${join(folder, CHAIN_COPY)} where the client keeps a copy of the chain`
      )
    return use({ kind: 'folder', database }, await networkFor(document, named, folder))
  })
  return stored.catch((error: unknown) => {
    throw damaged(error, folder)
  })
}

async function withFile<T>(
  path: string,
  named: string | undefined,
  use: (place: Place, network: Network) => Promise<T>
): Promise<T> {
  const file = await openExport(path)
  try {
    const network = await networkFor(file.document, named, path)
    if (file.kind === 'chain') expectBlocks(network)
    else if (network.kind !== file.kind)
      throw new Failure(
        'ERR_WRONG_CONTENT',
        `${path} holds transfers with no order, of a network that has one`
      )
    return await use({ kind: 'file', file }, network)
  } finally {
    file.close()
  }
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

/** What a stopped peer has kept of the sequencer's lies, not checked. */
export function evidenceIn(folder: string): Promise<Uint8Array[]> {
  return withReadOnly(folder, database => database.values(ranges.evidence).all()).catch((error: unknown) => {
    throw damaged(error, folder)
  })
}

/** What is there must be of the network that is named; where none is, of the one it carries. */
async function networkFor(document: Uint8Array, path: string | undefined, where: string): Promise<Network> {
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
