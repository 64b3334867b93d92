import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { systemCode } from '../../core/errors.js'
import { causeOf, Failure } from '../failure.js'

/**
 * Makes a folder, and those that it lies in; one that is there stays as it is. Node's own recursive mkdir tries for ever where
 * a file system says that a folder is missing which is there, as that of /proc does. Throws Failure.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  const folder = resolve(path)
  try {
    await makeWithin(folder, mode)
  } catch (error) {
    const code = systemCode(error)
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `${path} cannot be made as a folder (${WHY.get(code) ?? causeOf(error)}); name another place`,
      { cause: error }
    )
  }
}

const WHY: ReadonlyMap<string | undefined, string> = new Map([
  ['ENOENT', 'ENOENT: nothing can be made there'],
  ['EACCES', 'EACCES: this user may not write there'],
  ['EPERM', 'EPERM: no user may write there'],
  ['EROFS', 'EROFS: that can only be read'],
  ['ENOTDIR', 'ENOTDIR: a file is in the way'],
  ['EEXIST', 'EEXIST: a file is in the way'],
  ['ENOSPC', 'ENOSPC: no space is left there']
])

/** Each folder is tried twice at most: before and after the one that it lies in is made. */
async function makeWithin(folder: string, mode: number): Promise<void> {
  const outer = dirname(folder)
  try {
    await makeOne(folder, mode)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || outer === folder) throw error
    await makeWithin(outer, mode)
    await makeOne(folder, mode)
  }
}

async function makeOne(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, { mode })
  } catch (error) {
    // A root that is there may be called anything but that.
    const isThere = await stat(folder).then(
      found => found.isDirectory(),
      () => false
    )
    if (!isThere) throw error
  }
}
