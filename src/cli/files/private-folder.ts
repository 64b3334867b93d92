import { chmod, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { causeOf, Failure } from '../failure.js'
import { printLine } from '../terminal/terminal.js'
import { OWNER_FILE } from './folder-owner.js'
import { isOfLevel } from './level-files.js'

const FOLDER = 0o700
const FILE = 0o600
const OF_OTHERS = 0o077

/**
 * Makes sure that a folder's owner alone can enter it: earlier versions made them with the usual mode. From then on the
 * folder keeps others out, whatever the modes of the files in it. Only the files of the peer get another mode. Throws
 * Failure where it is not ours to change.
 */
export async function expectPrivate(path: string): Promise<void> {
  try {
    if (await isPrivate(path)) return
    await chmod(path, FOLDER)
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const isOurs = isOfLevel(entry.name) || entry.name === OWNER_FILE
      if (entry.isFile() && isOurs) await chmod(join(path, entry.name), FILE)
    }
    // Some file systems have no modes: there it changes nothing, and says nothing.
    if (!(await isPrivate(path)))
      throw new Error('its file system keeps no modes; name a folder on another one')
    printLine(`${path} could be read by others; it is its owner's alone now (mode 0700)`)
  } catch (error) {
    throw new Failure(
      'ERR_NOT_PRIVATE',
      `${path} can be read by others, and that cannot be changed (${causeOf(error)}); it must be its owner's alone: chmod 700 ${path}`,
      { cause: error }
    )
  }
}

async function isPrivate(path: string): Promise<boolean> {
  return ((await stat(path)).mode & OF_OTHERS) === 0
}
