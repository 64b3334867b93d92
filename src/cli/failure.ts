/** The answer is no, or it cannot be done: exit 1. The message says what, where, and what to do. */
export class Failure extends Error {
  override name = 'Failure'
  readonly exitCode: number = 1
}

/** The command makes no sense as it was given: exit 2. */
export class UsageError extends Failure {
  override name = 'UsageError'
  override readonly exitCode = 2
}

/** The code of a system error (ENOENT, EADDRINUSE, …) or of LevelDB's, however deep it is wrapped. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string' && !GENERIC_CODES.has(error.code)) return error.code
  if (error instanceof AggregateError) return error.errors.map(errorCode).find(code => code !== undefined)
  return errorCode(error.cause)
}

/** These say that something failed and leave the reason to their cause. */
const GENERIC_CODES = new Set(['LEVEL_DATABASE_NOT_OPEN'])

/** What a system error, or LevelDB's, means, in words and with its code; the message of any other error. */
export function causeOf(error: unknown): string {
  const code = errorCode(error)
  if (code === undefined) return error instanceof Error ? error.message : String(error)
  const [, path, why] = IO_ERROR.exec(deepestMessage(error)) ?? []
  if (code === 'LEVEL_IO_ERROR' && why !== undefined) return `${code}: ${why}, at ${path}`
  const meaning = MEANINGS.get(code)
  return meaning === undefined ? code : `${code}: ${meaning}`
}

/** How LevelDB tells what the system said. */
const IO_ERROR = /^IO error: (.*): ([^:]+)$/

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
