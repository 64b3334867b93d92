import { constants } from 'node:fs'
import { access, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { systemCode } from '../../core/errors.js'
import { withTemporaryFolder } from './temporary-folder.js'

/** Has LevelDB take the lock of `folder` when it opens `copy`: it locks the file that a link leads to. */
export async function linkLock(copy: string, folder: string): Promise<void> {
  const lock = resolve(folder, 'LOCK')
  // One that may not be written cannot be locked, by a peer neither.
  const isLockable = await access(lock, constants.W_OK).then(
    () => true,
    () => false
  )
  if (isLockable) await symlink(lock, join(copy, 'LOCK')).catch(() => undefined)
}

/** Whether another process has the database in a folder open. */
export function isInUse(folder: string): Promise<boolean> {
  return withTemporaryFolder(async copy => {
    await linkLock(copy, folder)
    const database = new ClassicLevel(copy)
    try {
      await database.open()
      return false
    } catch (error) {
      if (systemCode(error) === 'LEVEL_LOCKED') return true
      throw error
    } finally {
      await database.close()
    }
  })
}
