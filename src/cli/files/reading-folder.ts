import { copyFile, readdir, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { Database } from '../../chain/store.js'
import { systemCode } from '../../core/errors.js'
import { causeOf, Failure } from '../failure.js'
import { isInUse, linkLock } from './folder-lock.js'
import { isOfDisk } from './frame-file.js'
import { expectWhole, isRead, isTable } from './level-files.js'
import { withTemporaryFolder } from './temporary-folder.js'

/**
 * Opens the database of a stopped peer without writing into its folder, which may be a read-only copy. LevelDB knows no
 * such way: it rewrites its log, its manifest and its CURRENT at each open. So it is given a folder of its own, with
 * copies of these, and symbolic links to the tables that the manifest names, which LevelDB never writes to: where it
 * deletes one, it deletes the link. Other tables, as an older copy over a newer folder leaves them, are not there for it. Throws Failure where the folder holds no database, or a running peer has it open.
 */
export async function withReadOnly<T>(folder: string, use: (database: Database) => Promise<T>): Promise<T> {
  let isOpened = false
  try {
    return await withCopy(folder, database => {
      isOpened = true
      return use(database)
    })
  } catch (error) {
    // Under a running peer files come and go while they are looked at, which can look like damage.
    if (isOpened) throw error
    throw (await isInUse(folder).catch(() => false)) ? inUse(folder) : unreadable(error, folder)
  }
}

async function withCopy<T>(folder: string, use: (database: Database) => Promise<T>): Promise<T> {
  const before = await listing(folder)
  if (before === '')
    throw new Failure(
      'ERR_WRONG_CONTENT',
      `${folder} holds no database; name the --data folder of a stopped peer`
    )
  const tables = await expectWhole(folder)
  return withTemporaryFolder(async copy => {
    await fill(copy, folder, tables).catch((error: unknown) => {
      throw new Failure(
        'ERR_CANNOT_READ',
        `${folder} cannot be copied to be looked at (${causeOf(error)}): its log and its manifest must be readable, and fit into ${tmpdir()}; name another place with the environment variable TMPDIR`,
        { cause: error }
      )
    })
    const database = new ClassicLevel<Uint8Array, Uint8Array>(copy, {
      createIfMissing: false,
      keyEncoding: 'view',
      valueEncoding: 'view'
    })
    try {
      await database.open()
      // From here on no peer can open the folder. What a peer has written while it was copied is mixed with what was there before.
      if ((await listing(folder)) !== before)
        throw new Failure(
          'ERR_CANNOT_READ',
          `${folder} was written to while it was read; stop the peer, and try again`
        )
      return await use(database)
    } finally {
      await database.close()
    }
  })
}

async function fill(copy: string, folder: string, tables: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder)) {
    const [from, to] = [resolve(folder, name), join(copy, name)]
    if (tables.has(name)) await symlink(from, to).catch(() => copyFile(from, to))
    else if (isRead(name) && !isTable(name)) await copyFile(from, to)
  }
  await linkLock(copy, folder)
}

/** Of what LevelDB reads there: changes with each write. Empty where there is nothing. */
async function listing(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter(isRead).toSorted()
  const lines = names.map(async name => {
    const { size, mtimeNs } = await stat(join(folder, name), { bigint: true })
    return `${name} ${size} ${mtimeNs}\n`
  })
  return (await Promise.all(lines)).join('')
}

/** What the file system says becomes a sentence; any other error is as it is. */
function unreadable(error: unknown, folder: string): unknown {
  const code = systemCode(error)
  if (error instanceof Failure || !isOfDisk(error)) return error
  return new Failure(
    'ERR_CANNOT_READ',
    `${folder} cannot be read (${code}); name the --data folder of a stopped peer`,
    { cause: error }
  )
}

function inUse(folder: string): Failure {
  return new Failure(
    'ERR_FOLDER_IN_USE',
    `${folder} is in use by a peer that runs; stop it, or name its multiaddr in place of the folder to ask the peer itself`
  )
}
