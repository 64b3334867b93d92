import { readFile, stat } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import { systemCode } from '../../core/errors.js'
import { utf8Text } from '../../core/json.js'
import { type ChainNetwork, InvalidNetworkDocument, type Network } from '../../core/network.js'
import { parseNetwork } from '../../rules/network-document.js'
import { expectRules } from '../../rules/rules.js'
import { causeOf, Failure, UsageError } from '../failure.js'
import { isInUse } from './folder-lock.js'
import { expectWhole } from './level-files.js'
import { makeFolder } from './make-folder.js'

/** What a peer keeps in files beside its keys: the network document, its database. */

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw unreadable(path, error)
  }
}

/** A text file that people edit, as it is; undefined where there is none. Throws Failure where it is not plain UTF-8. */
export async function readText(path: string): Promise<string | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw unreadable(path, error)
  }
  const text = utf8Text(bytes)
  if (text === undefined)
    throw new Failure('ERR_WRONG_CONTENT', `${path} is not UTF-8; save it in that encoding`)
  if (text.startsWith('\ufeff'))
    throw new Failure(
      'ERR_WRONG_CONTENT',
      `${path} begins with a byte order mark (BOM); save it as UTF-8 without one`
    )
  return text
}

/** Throws UsageError where there is none, Failure where it is not valid. */
export async function readNetwork(path: string): Promise<Network> {
  const text = await readText(path)
  if (text === undefined)
    throw new UsageError(
      `there is no network document at ${path}; copy the one that your sequencer made (its config/network.json), name it with --network FILE, or make a network of your own with: tallystick init`
    )
  try {
    const network = parseNetwork(text)
    // Parts that its application and ordering alone can check.
    expectRules(network)
    return network
  } catch (error) {
    if (error instanceof InvalidNetworkDocument)
      throw new Failure(error.code, `${path} is not a valid network document: ${error.message}`, {
        cause: error
      })
    throw error
  }
}

const ASK_INSTEAD =
  'ask for what its peers know with: tallystick count, tallystick account PEERID, or get all of it with: tallystick export FILE'

/** The same of a network that has blocks. Throws UsageError where it has none; `instead`: what to do there. */
export async function readOrderedNetwork(path: string, instead = ASK_INSTEAD): Promise<ChainNetwork> {
  return expectBlocks(await readNetwork(path), instead)
}

export function expectBlocks(network: Network, instead = ASK_INSTEAD): ChainNetwork {
  if (network.kind === 'chain') return network
  throw new UsageError(
    `"${network.document.name}" has no order, and so no blocks, positions or receipts; ${instead}`
  )
}

/** The same; throws what LevelDB or the disk says. */
export async function openLevel(path: string, mode = 0o777): Promise<ClassicLevel<Uint8Array, Uint8Array>> {
  await makeFolder(path, mode)
  await expectWhole(path).catch(async (error: unknown) => {
    // Under a running peer files come and go while they are looked at: let LevelDB say that it is locked.
    if (!(await isInUse(path).catch(() => false))) throw error
  })
  const database = new ClassicLevel<Uint8Array, Uint8Array>(path, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  await database.open()
  return database
}

/** Opens a LevelDB folder for this process alone. Throws ERR_FILES_DAMAGED where files are missing or damaged. */
export async function openDatabase(path: string): Promise<ClassicLevel<Uint8Array, Uint8Array>> {
  try {
    return await openLevel(path)
  } catch (error) {
    if (error instanceof Failure) throw error
    if (systemCode(error) === 'LEVEL_LOCKED') throw usedByAnother(path)
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `${path} cannot be opened as a database (${causeOf(error)}); it must be a folder that this user can write, with room on its disk`,
      { cause: error }
    )
  }
}

export function usedByAnother(folder: string): Failure {
  return new Failure(
    'ERR_FOLDER_IN_USE',
    `${folder} is in use by another process; stop that one, or give this one a folder of its own with --data DIR, and a key of its own with --key FILE`
  )
}

/** Throws Failure where others can read it. */
export async function readPrivate(path: string): Promise<Uint8Array> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) throw new Failure('ERR_CANNOT_READ', `${path} is a folder; name a file in it`)
    const { mode } = found
    if ((mode & 0o077) !== 0)
      throw new Failure(
        'ERR_NOT_PRIVATE',
        `${path} can be read by others; it must be its owner's alone: chmod 600 ${path}`
      )
    return await readFile(path)
  } catch (error) {
    throw error instanceof Failure ? error : unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): Failure {
  return new Failure('ERR_CANNOT_READ', `${path} cannot be read (${causeOf(error)})`, { cause: error })
}
