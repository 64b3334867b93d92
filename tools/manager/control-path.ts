import { lstatSync, mkdtempSync, readFileSync, realpathSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { causeOf, Failure } from '#src/cli/failure.js'
import { systemCode } from '#src/core/errors.js'

/**
 * Where the control socket of a network's folder is: in the folder, as control.sock. Where that path is longer
 * than a socket's may be, the socket is in a folder of its own for temporary files, and control.sock.path in the
 * network's folder says where.
 */

/** Bytes of the path of a Unix socket, on the system that takes the least. */
const PATH_BYTES = 103

/** Where the control socket of a folder is, or was. Undefined where there can be none. */
export function findControlPath(folder: string): string | undefined {
  const path = inFolder(folder)
  return fits(path) ? path : read(pointerOf(folder))
}

/** Makes what a new socket needs, and says where it is to be. Throws Failure where no path is short enough. */
export function makeControlPath(folder: string): string {
  const path = inFolder(folder)
  if (fits(path)) return path
  // Of mode 0700.
  const own = makeTemporary()
  const short = join(own, 'control.sock')
  if (!fits(short)) {
    rmdirSync(own)
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `the path of a control socket may have ${PATH_BYTES} bytes, and neither ${path} nor ${short} is that short; name a shorter --folder DIR`
    )
  }
  // One is left where a manager was killed. What stands there now, a link for one, is not written through.
  rmSync(pointerOf(folder), { force: true })
  writeFileSync(pointerOf(folder), short, { mode: 0o600, flag: 'wx' })
  return short
}

/** Removes a socket that nobody listens at any more, and what was made for it. */
export function removeControlPath(folder: string, path: string): void {
  // Nothing else goes, whatever stands there.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path, { force: true })
  const pointer = pointerOf(folder)
  if (read(pointer) !== path) return
  rmSync(pointer)
  try {
    rmdirSync(dirname(path))
  } catch {
    // It holds something of somebody else's, or is no more.
  }
}

function makeTemporary(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'tallystick-'))
  } catch (error) {
    throw new Failure(
      'ERR_CANNOT_WRITE',
      `no temporary folder can be made in ${tmpdir()} (${systemCode(error)}); name a shorter --folder DIR, or another place with the environment variable TMPDIR`,
      { cause: error }
    )
  }
}

/** Every way of writing a folder's path leads to one socket. */
function inFolder(folder: string): string {
  try {
    return join(realpathSync(folder), 'control.sock')
  } catch {
    return join(resolve(folder), 'control.sock')
  }
}

function pointerOf(folder: string): string {
  return `${inFolder(folder)}.path`
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= PATH_BYTES
}

function read(pointer: string): string | undefined {
  try {
    return readFileSync(pointer, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw new Failure('ERR_CANNOT_READ', `${pointer} cannot be read (${causeOf(error)})`, { cause: error })
  }
}
