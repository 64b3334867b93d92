import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type PeerIdBytes, toHex } from '../../core/bytes.js'
import { hasCode, systemCode } from '../../core/errors.js'
import { peerIdToString } from '../../core/keys.js'
import type { Network } from '../../core/network.js'
import { harmless } from '../../core/text.js'
import { SIGN_AGAIN } from '../../node/bind-to-mark.js'
import { causeOf, Failure } from '../failure.js'
import { printLine } from '../terminal/terminal.js'
import { usedByAnother } from './files.js'
import { CHAIN_COPY, contentsOf, FOLDER_KINDS, type FolderKind, isPrivate } from './folder-contents.js'
import { isOfLevel, isRead } from './level-files.js'
import { makeFolder } from './make-folder.js'
import { withReadOnly } from './reading-folder.js'
import { createFile, replaceFile } from './written-files.js'

/** Who a data folder belongs to. */
export interface FolderOwner {
  readonly kind: FolderKind
  readonly network: Network
  /** Of those who sign numbered things. Left out where any peer may go on with the folder. */
  readonly peerId?: PeerIdBytes
  /** Of a sequencer: the name of the mark beside its key, without which nothing tells whether the folder is the newest one. */
  readonly mark?: string
  /** Whether it is taken from another mark. */
  readonly isTakenFromMark?: boolean
}

/** The owner record: a file beside LevelDB's own, which LevelDB leaves alone. */
export const OWNER_FILE = 'OWNER.json'

interface OwnerRecord {
  readonly tallystick: 1
  readonly kind: FolderKind
  /** Its id, hex. */
  readonly network: string
  readonly networkName: string
  readonly peerId?: string
  readonly mark?: string
}

/**
 * Takes a folder for its owner, or throws Failure where it is another's, before anything is written into it. The record is
 * on disk before the first file of the database: after a crash between the two the folder is empty, and its owner's.
 */
export async function claimFolder(folder: string, owner: FolderOwner): Promise<void> {
  const record = await readRecord(folder)
  if (record !== undefined) {
    expectOwned(folder, record, owner)
    return bindToMark(folder, record, owner)
  }
  const isOld = await hasDatabase(folder)
  if (!(isOld && (await isRecognized(folder, owner)))) await expectNothingElse(folder, owner.kind)
  await makeFolder(folder, isPrivate(owner.kind) ? 0o700 : 0o755)
  await createFile(join(folder, OWNER_FILE), `${JSON.stringify(recordOf(owner))}\n`)
  if (isOld)
    printLine(
      `${folder} was made by an earlier version, which did not write whose it is; it is marked now as ${nameOf(recordOf(owner))}`
    )
}

/** Throws Failure where the folder goes with another mark. A folder of a version without marks has none. */
async function bindToMark(folder: string, { mark }: OwnerRecord, owner: FolderOwner): Promise<void> {
  if (mark === owner.mark || owner.mark === undefined) return
  if (mark !== undefined) {
    if (owner.isTakenFromMark !== true) throw withoutItsMark(folder)
    printLine(`${folder} went with another mark; from now on it goes with the one that is beside the key`)
  }
  await replaceFile(join(folder, OWNER_FILE), `${JSON.stringify(recordOf(owner))}\n`)
}

function withoutItsMark(folder: string): Failure {
  return new Failure(
    'ERR_MARK_LOST',
    `what the key has signed is kept in a mark beside it, and the one that goes with ${folder} is missing, or another one is in its place; so nothing tells whether this is the newest folder, and with an older one positions would be signed a second time, which convicts a sequencer. Put the mark back (a folder such as keys/sequencer.signed), or name its place with --marks DIR. Where it is lost, move ${folder} away and fetch the log back from the follower that has most with: tallystick restore --connect ADDRESS --data ${folder}. Where no follower has more than ${folder}: ${SIGN_AGAIN}`
  )
}

/** Of a folder; undefined where there is none. Throws Failure where it is damaged. */
async function readRecord(folder: string): Promise<OwnerRecord | undefined> {
  const path = join(folder, OWNER_FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw new Failure('ERR_CANNOT_READ', `${path} cannot be read (${causeOf(error)})`, { cause: error })
  }
  const record = parseRecord(text)
  if (record !== undefined) return record
  throw new Failure(
    'ERR_WRONG_CONTENT',
    `${path} does not say whose folder this is; restore that file from a copy, or delete that file alone, and the folder is recognized by its contents`
  )
}

function parseRecord(text: string): OwnerRecord | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    if (!('tallystick' in value) || value.tallystick !== 1) return undefined
    if (!('kind' in value && 'network' in value && 'networkName' in value)) return undefined
    const kind = FOLDER_KINDS.find(known => known === value.kind)
    const { network, networkName } = value
    if (kind === undefined || typeof network !== 'string' || typeof networkName !== 'string') return undefined
    const peerId = 'peerId' in value ? value.peerId : undefined
    if (peerId !== undefined && typeof peerId !== 'string') return undefined
    const mark = 'mark' in value ? value.mark : undefined
    if (mark !== undefined && typeof mark !== 'string') return undefined
    return {
      tallystick: 1,
      kind,
      network,
      networkName,
      ...(peerId !== undefined && { peerId }),
      ...(mark !== undefined && { mark })
    }
  } catch {
    return undefined
  }
}

function recordOf({ kind, network, peerId, mark }: FolderOwner): OwnerRecord {
  return {
    tallystick: 1,
    kind,
    network: toHex(network.id),
    networkName: network.document.name,
    ...(peerId !== undefined && { peerId: peerIdToString(peerId) }),
    ...(mark !== undefined && { mark })
  }
}

function expectOwned(folder: string, record: OwnerRecord, owner: FolderOwner): void {
  const wanted = recordOf(owner)
  const isSame =
    record.kind === wanted.kind && record.network === wanted.network && record.peerId === wanted.peerId
  if (!isSame) throw notOurs(folder, nameOf(record), owner)
}

/** Without a record, by what is in it: false where that is nothing. Throws Failure where the folder is another's. */
async function isRecognized(folder: string, owner: FolderOwner): Promise<boolean> {
  const recognized = withReadOnly(folder, async database => {
    const contents = await contentsOf(database, owner.network)
    if (contents.kind === 'nothing') return false
    if (contents.kind === 'other network')
      throw notOurs(folder, `a folder of another network than ${nameOfNetwork(recordOf(owner))}`, owner)
    const { kinds, peerId } = contents
    const isSame = peerId === undefined || owner.peerId === undefined || toHex(peerId) === toHex(owner.peerId)
    if (kinds.includes(owner.kind) && isSame) return true
    const [kind = owner.kind] = kinds
    throw notOurs(
      folder,
      nameOf(recordOf({ kind, network: owner.network, ...(peerId && { peerId }) })),
      owner
    )
  })
  return recognized.catch((error: unknown) => {
    throw hasCode(error, 'ERR_FOLDER_IN_USE') ? usedByAnother(folder) : error
  })
}

/** A file system has this folder at its root. */
const LOST_AND_FOUND = 'lost+found'

/** The name of the first thing in a folder that no peer writes there; `more`: what is no stranger either. */
export async function foreignIn(folder: string, more: readonly string[] = []): Promise<string | undefined> {
  const isOurs = (name: string): boolean =>
    isOfLevel(name) ||
    [LOST_AND_FOUND, OWNER_FILE, ...more].includes(name) ||
    name.startsWith(`${OWNER_FILE}.`)
  const foreign = (await namesIn(folder)).find(name => !isOurs(name))
  return foreign && harmless(foreign.slice(0, 100))
}

/** Throws Failure where a folder that no peer has used holds anything: it has another owner, and another purpose. */
async function expectNothingElse(folder: string, kind: FolderKind): Promise<void> {
  // It says for itself whose it is.
  const foreign = await foreignIn(folder, kind === 'client' ? [CHAIN_COPY] : [])
  if (foreign === undefined) return
  throw new Failure(
    'ERR_OTHER_FOLDER',
    `${folder} is not empty, and it is not the folder of a peer (it holds ${foreign}); nothing was written there: name an empty folder, or a new one, with --data DIR`
  )
}

/**
 * Throws Failure where a folder is a peer's: the tool keeps what it has seen in a folder of its own. A peer that runs may
 * have it open, and what is in it has one owner.
 */
export async function expectNoPeers(folder: string): Promise<void> {
  const record = await readRecord(folder)
  if (record === undefined && !(await hasDatabase(folder))) return
  const whose = record === undefined ? 'the database of a peer' : nameOf(record)
  throw new Failure(
    'ERR_OTHER_FOLDER',
    `${folder} is ${whose}; nothing was written there: name a folder of the tool's own with --data DIR (data/tool where it is left out)`
  )
}

/** In words, whose folder it is, where a peer has used it. Throws Failure where its record is damaged. */
export async function userOf(folder: string): Promise<{ kind?: FolderKind; named: string } | undefined> {
  const record = await readRecord(folder)
  if (record !== undefined) return { kind: record.kind, named: nameOf(record) }
  return (await hasDatabase(folder)) ? { named: 'the database of a peer' } : undefined
}

/** Whether files of a database are there. */
export async function hasDatabase(folder: string): Promise<boolean> {
  return (await namesIn(folder)).some(isRead)
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `${folder} cannot be opened as a database (${causeOf(error)}); name a folder that this user can write with --data DIR`,
      { cause: error }
    )
  }
}

function notOurs(folder: string, what: string, owner: FolderOwner): Failure {
  const instead =
    owner.kind === 'client copy'
      ? 'move that folder away, and the blocks are fetched again'
      : 'name the folder of this peer with --data DIR, or a new one'
  return new Failure(
    'ERR_OTHER_FOLDER',
    `${folder} is ${what}, and this peer needs ${nameOf(recordOf(owner))}; nothing was written there: ${instead}`
  )
}

function nameOf(record: OwnerRecord): string {
  const { kind, peerId } = record
  const whose = peerId === undefined ? '' : ` ${harmless(peerId)}`
  return `the folder of ${ARTICLES[kind]}${whose} in the network ${nameOfNetwork(record)}`
}

function nameOfNetwork({ network, networkName }: OwnerRecord): string {
  return `${harmless(network.slice(0, 16))}… ("${harmless(networkName.slice(0, 100))}")`
}

const ARTICLES: Record<FolderKind, string> = {
  sequencer: 'the sequencer',
  client: 'the client',
  'client copy': "a client's copy of the chain",
  follower: 'a follower',
  'full node': 'a full node (follower or miner)',
  replica: 'a peer that keeps a set with no order'
}
