import { type ErrorCode, systemCode, TallystickError } from '../core/errors.js'

/** The answer is no, or it cannot be done. The message says what, where, and what to do. */
export class Failure extends TallystickError {
  override name = 'Failure'
}

/** The command makes no sense as it was given. */
export class UsageError extends Failure {
  override name = 'UsageError'

  constructor(message: string) {
    super('ERR_USAGE', message)
  }
}

/** What a system error, or LevelDB's, means, in words and with its code; the message of any other error. */
export function causeOf(error: unknown): string {
  const code = systemCode(error)
  if (code === undefined) return error instanceof Error ? error.message : String(error)
  const told = toldByLevel(error)
  if (code === 'LEVEL_IO_ERROR' && told !== undefined) return `${code}: ${told.why}, at ${told.path}`
  const meaning = MEANINGS.get(code)
  return meaning === undefined ? code : `${code}: ${meaning}`
}

/** Why nothing can be written any more, where the disk is why. */
export function diskProblem(error: unknown): ErrorCode | undefined {
  const code = systemCode(error)
  const told = code === 'LEVEL_IO_ERROR' ? CODES.get(toldByLevel(error)?.why ?? '') : code
  return DISK_PROBLEMS.get(told ?? '')
}

const DISK_PROBLEMS: ReadonlyMap<string, ErrorCode> = new Map([
  ['ENOSPC', 'ERR_DISK_FULL'],
  ['EDQUOT', 'ERR_DISK_FULL'],
  ['EFBIG', 'ERR_DISK_FULL'],
  ['EROFS', 'ERR_NOT_WRITABLE'],
  ['EACCES', 'ERR_NOT_WRITABLE']
])

/** LevelDB has one code for all that the system says of a file, and hands on its words alone. */
function toldByLevel(error: unknown): { readonly path: string; readonly why: string } | undefined {
  const [, path, why] = IO_ERROR.exec(deepestMessage(error)) ?? []
  return path === undefined || why === undefined ? undefined : { path, why }
}

const IO_ERROR = /^IO error: (.*): ([^:]+)$/

/** The system's words for these codes, as glibc, musl and macOS have them. */
const CODES: ReadonlyMap<string, string> = new Map([
  ['No space left on device', 'ENOSPC'],
  ['Disk quota exceeded', 'EDQUOT'],
  ['Disc quota exceeded', 'EDQUOT'],
  ['Quota exceeded', 'EDQUOT'],
  ['File too large', 'EFBIG'],
  ['Read-only file system', 'EROFS'],
  ['Permission denied', 'EACCES']
])

function deepestMessage(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return error.cause instanceof Error ? deepestMessage(error.cause) : error.message
}

const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'this user has no permission'],
  ['EBUSY', 'it is in use'],
  ['EDQUOT', 'the quota of this user on that disk is used up'],
  ['EFBIG', 'files may not be that large there'],
  ['EIO', 'its disk fails'],
  ['EISDIR', 'it is a folder'],
  ['ELOOP', 'links lead in a circle'],
  ['EMFILE', 'this process has too many files open'],
  ['ENAMETOOLONG', 'the name is too long'],
  ['ENFILE', 'the system has too many files open'],
  ['ENOENT', 'it is not there'],
  ['ENOSPC', 'no space is left on its disk'],
  ['ENOTDIR', 'a file is where a folder must be'],
  ['EPERM', 'that is not permitted'],
  ['EROFS', 'its file system is read-only']
])
