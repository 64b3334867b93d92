import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, Failure } from './failure.js'
import { printLine } from './terminal.js'

const FOLDER = 0o700
const FILE = 0o600
const OF_OTHERS = 0o077

/**
 * Makes a folder that its owner alone can enter, or makes one so that is there: earlier versions made them with the usual
 * mode. From then on the folder keeps others out, whatever the modes of the files in it. Throws Failure where it is not
 * ours to change.
 */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: FOLDER })
    const { mode } = await stat(path)
    if ((mode & OF_OTHERS) === 0) return
    await chmod(path, FOLDER)
    for (const entry of await readdir(path, { withFileTypes: true }))
      if (entry.isFile()) await chmod(join(path, entry.name), FILE)
    printLine(`${path} could be read by others; it is its owner's alone now (mode 0700)`)
  } catch (error) {
    throw new Failure(
      `${path} can be read by others, or cannot be made (${errorCode(error) ?? String(error)}); it must be its owner's alone: chmod 700 ${path}`
    )
  }
}
