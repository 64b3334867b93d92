import type { Answer } from '../core/answer.js'
import { LIMITS } from '../core/limits.js'
import { elapsed, within } from './waiting.js'

/**
 * The answer that `work` gives; until then it is said now and then that it is worked on, so that who asks knows that
 * somebody is there. The signal that `work` gets fires with `signal`, when who asked has gone, and while there is
 * still time to say how far it has come.
 */
export async function* whileWorking(
  work: (signal: AbortSignal) => Promise<Answer>,
  signal: AbortSignal
): AsyncIterable<Answer> {
  const over = new AbortController()
  const working = work(within(LIMITS.longQueryMs - LIMITS.frameMs, AbortSignal.any([signal, over.signal])))
  const answered = working.then(
    () => true,
    () => true
  )
  try {
    while (!(await Promise.race([answered, elapsed(LIMITS.workingMs, over.signal).then(() => false)])))
      yield { kind: 'working' }
    yield await working
  } finally {
    over.abort(new Error('nobody waits for the answer any more'))
  }
}
