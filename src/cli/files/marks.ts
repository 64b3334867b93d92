import { open as openFile, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Database } from '../../chain/store.js'
import { equal, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { hasCode, systemCode } from '../../core/errors.js'
import { describeError } from '../../core/events.js'
import { peerIdToString } from '../../core/keys.js'
import type { Network } from '../../core/network.js'
import { causeOf, Failure } from '../failure.js'
import { openLevel } from './files.js'
import { KeyHolder } from './key-holder.js'

/** Whose key it is, and where. */
interface KeyOwner {
  /** The key's file. */
  readonly key: string
  /** In place of the folder beside the key. */
  readonly marks?: string | undefined
  readonly peerId: PeerIdBytes
  readonly network: Pick<Network, 'id'>
}

/** Whose mark it is. */
interface MarkOwner extends KeyOwner {
  readonly network: Network
  /** Hears that another process has taken the key: this one must end. */
  readonly lost?: (failure: Failure) => void
}

/** Looks whether this process still has the key. Throws where it has not. */
type ExpectHeld = () => Promise<void>

/**
 * Where it is kept what a key has signed in a network: one folder for each network and PeerId, as a key may serve several
 * networks, and another key may come to stand in the same file.
 */
async function markFolder({ key, marks, peerId, network }: KeyOwner): Promise<string> {
  // However the key is named: a link to it is no other key.
  const beside = marks ?? `${(await realpath(key)).replace(/\.key$/, '')}.signed`
  return join(beside, `${toHex(network.id).slice(0, 16)}-${peerIdToString(peerId).slice(-16)}`)
}

/**
 * Opens the mark of a key for as long as `use` takes. LevelDB's lock on it is the lock of the key: a second process that
 * signs with it in this network, on whatever data folder, gets a Failure. The lock ends with its process, however that ends.
 * Where the lock does not hold, the process that came last has the key, and the one before it ends.
 */
export async function withMark<M, T>(
  owner: MarkOwner,
  open: (database: Database, network: Network, expectHeld: ExpectHeld) => Promise<M>,
  use: (mark: M) => Promise<T>
): Promise<T> {
  const folder = await markFolder(owner)
  // LevelDB makes its files with the mask of the process: the folder keeps other users out.
  const database = await openLevel(folder, 0o700).catch(error => {
    throw notOpened(error, folder, owner)
  })
  const done = new AbortController()
  try {
    // Its name is to outlive a power failure as what is in it does.
    for (const outer of [dirname(folder), dirname(dirname(folder))]) await syncFolder(outer)
    const holder = await KeyHolder.take(folder, owner.key)
    const mark = await open(database, owner.network, () => holder.expectHeld()).catch(error => {
      throw notOpened(error, folder, owner)
    })
    if (owner.lost !== undefined) holder.watch(owner.lost, done.signal)
    return await use(mark)
  } finally {
    done.abort()
    await database.close()
  }
}

/**
 * Takes the same lock for as long as `use` takes, for who signs nothing under numbers: two processes with one PeerId would
 * take each other's place at every peer. Throws Failure where another process has the key. Where no lock can be had, as
 * beside a key that can only be read, there is none.
 */
export async function withKeyLock<T>(owner: KeyOwner, use: () => Promise<T>): Promise<T> {
  const database = await openLevel(await markFolder(owner), 0o700).catch((error: unknown) => {
    if (systemCode(error) === 'LEVEL_LOCKED') throw keyInUse(owner.key)
    return undefined
  })
  try {
    return await use()
  } finally {
    await database?.close()
  }
}

function keyInUse(
  key: string,
  instead = ', or give this one a key and a folder of its own, such as --key keys/second.key --data data/second'
): Failure {
  return new Failure(
    'ERR_KEY_IN_USE',
    `the key ${key} is in use by another process in this network, whatever data folder that has; stop that one${instead}`
  )
}

/** Makes the names in a folder outlive a power failure. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await openFile(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function notOpened(error: unknown, folder: string, { key, peerId, network }: MarkOwner): Failure {
  const code = systemCode(error)
  const sequencer = network.kind === 'chain' ? network.sequencer : undefined
  const isSequencer = sequencer !== undefined && equal(sequencer, peerId)
  if (code === 'LEVEL_LOCKED')
    return isSequencer
      ? keyInUse(key, ' first: a network has one sequencer, and one process at a time may sign with its key')
      : keyInUse(key)
  if (hasCode(error, 'ERR_FILES_DAMAGED', 'ERR_DAMAGED', 'ERR_OTHER_NETWORK') || code === 'LEVEL_CORRUPTION')
    return new Failure(
      'ERR_DAMAGED',
      `${folder}, which says what the key ${key} has signed, is damaged (${describeError(error)}); restore that folder from its newest copy. Without it nothing keeps this key from signing a second time what it has signed`,
      { cause: error }
    )
  return new Failure(
    'ERR_CANNOT_WRITE',
    `it cannot be written down in ${folder} what the key ${key} signs (${causeOf(error)}); make it writable, with room on its disk, or move it and name its new place with --marks DIR`,
    { cause: error }
  )
}
