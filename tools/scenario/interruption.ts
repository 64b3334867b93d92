import { Failure } from '#src/cli/failure.js'

/** Ended by the user: nothing is wrong, but nothing is shown either. */
export class Interrupted extends Failure {
  override name = 'Interrupted'

  constructor() {
    super('ERR_INTERRUPTED')
  }
}

/** What a promise gives, or Interrupted as soon as `signal` fires. */
export async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: interruption, reject } = Promise.withResolvers<never>()
  const interrupt = (): void => reject(new Interrupted())
  signal.addEventListener('abort', interrupt)
  if (signal.aborted) interrupt()
  try {
    return await Promise.race([promise, interruption])
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
}
