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
