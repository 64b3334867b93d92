import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { link, lstat, open, realpath, rename, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from '../../core/errors.js'
import { causeOf, Failure } from '../failure.js'
import { removeAtTheEnd } from './left-overs.js'
import { makeFolder } from './make-folder.js'
import { isSecret } from './secret-shapes.js'

/**
 * Each file that is written is written here: whole, under a name of the moment, and only then it gets its own name. Neither
 * an error nor a signal leaves half a file.
 */

/**
 * Where the name is taken: `refuse` to write; `replace` what is there, unless it is a key or no file, as `--force` asks; or
 * `own`: what is there is the writer's own, and replaced.
 */
export type IfThere = 'refuse' | 'replace' | 'own'

/** Writes a file that must not exist yet. */
export function createFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  return writeContent(path, 'refuse', content, mode)
}

/** Replaces the program's own file whole: at any moment either the old or the new one is there. */
export function replaceFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  return writeContent(path, 'own', content, mode)
}

export function writeContent(
  path: string,
  ifThere: IfThere,
  content: string | Uint8Array,
  mode = 0o644
): Promise<void> {
  return writeWhole(path, ifThere, temporary =>
    writeFile(temporary, content, { mode, flag: 'wx', flush: true })
  )
}

/** `fill` makes the file of the name that it is given, which must not be there (`wx`), and flushes it. Throws Failure. */
export async function writeWhole(
  path: string,
  ifThere: IfThere,
  fill: (temporary: string) => Promise<void>
): Promise<void> {
  const temporary = temporaryBeside(path)
  const remove = (): void => rmSync(temporary, { force: true })
  const release = removeAtTheEnd(remove)
  try {
    // Whatever the mask of the process, no other user may exchange what is in it.
    await makeFolder(dirname(path), 0o755)
    await fill(temporary)
    if (ifThere === 'refuse') return await name(temporary, path)
    if (ifThere === 'replace') await expectReplaceable(path)
    await rename(temporary, path)
  } catch (error) {
    // An error without a code is none of the disk's.
    if (error instanceof Failure || systemCode(error) === undefined) throw error
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `${path} cannot be written (${causeOf(error)}); it must be at a place that this user can write, with room on its disk`,
      { cause: error }
    )
  } finally {
    release()
    remove()
  }
}

/**
 * A name that is new and cannot be guessed: another user who can write into the same folder must not be there first, with
 * a file or a link to another one. It is opened with `wx` as well.
 */
function temporaryBeside(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}.tmp`
}

/** Gives a whole file its name, where nothing has that name. */
async function name(temporary: string, path: string): Promise<void> {
  try {
    // A link fails where the name is taken, and never shows half a file.
    return await link(temporary, path)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw existsAlready(path)
    if (!NO_LINKS.has(systemCode(error) ?? '')) throw error
  }
  try {
    await writeFile(path, '', { flag: 'wx' })
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw existsAlready(path)
    throw error
  }
  await rename(temporary, path).catch(error => {
    rmSync(path, { force: true })
    throw error
  })
}

/** What file systems say that have no links, such as FAT: there the name is taken first, by an empty file. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/** Before long work: throws Failure where a result would not be written in the end. */
export async function expectWritable(path: string, ifThere: IfThere): Promise<void> {
  if (ifThere === 'replace') return expectReplaceable(path)
  if (await isTaken(path))
    throw new Failure(
      'ERR_EXISTS',
      `${existsAlready(path).message}; name another file, or have it replaced with --force`
    )
}

function existsAlready(path: string): Failure {
  return new Failure('ERR_EXISTS', `${path} exists already; it was left as it is`)
}

/** Also by a link that leads nowhere. */
async function isTaken(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `${path} cannot be written (${causeOf(error)}); it must be at a place that this user can write, with room on its disk`,
      { cause: error }
    )
  }
}

/** A key is recognized by so much of its file. */
const BEGINNING = 65_536

/** Throws Failure where there is a key, or what is no file. A key is never replaced by anything else. */
async function expectReplaceable(path: string): Promise<void> {
  if (!(await isTaken(path))) return
  try {
    if (!(await stat(path)).isFile())
      throw new Failure(
        'ERR_EXISTS',
        `${path} is no file, and cannot be replaced by one; it was left as it is`
      )
    const isKeyByName = [path, await realpath(path)].some(each => each.endsWith('.key'))
    if (isKeyByName || isSecret(await beginningOf(path, BEGINNING)))
      throw new Failure(
        'ERR_EXISTS',
        `${path} is a key, which nothing replaces, --force neither; it was left as it is: name another file`
      )
  } catch (error) {
    // A link that leads nowhere.
    if (systemCode(error) === 'ENOENT') return
    throw error instanceof Failure
      ? error
      : new Failure(
          'ERR_CANNOT_READ',
          `${path} cannot be read, and may be a key (${causeOf(error)}); it was left as it is`,
          { cause: error }
        )
  }
}

/** So much of a file tells what it is. */
export const KIND_BYTES = 64

/** So many bytes of a file, or all where it has no more. */
export async function beginningOf(path: string, bytes: number): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
