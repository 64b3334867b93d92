import type { Answer } from '../core/answer.js'
import { LIMITS } from '../core/limits.js'
import { elapsed } from './waiting.js'

/**
 * The answer that `work` gives; until then it is said now and then that it is worked on, so that who asks knows that
 * somebody is there. The signal that `work` gets fires with `signal`, and while there is still time to say how far
 * it has come.
 */
export async function* whileWorking(
  work: (signal: AbortSignal) => Promise<Answer>,
  signal: AbortSignal,
  everyMs: number = LIMITS.workingMs
): AsyncIterable<Answer> {
  const late = new AbortController()
  const timer = setTimeout(
    () => late.abort(new Error('the time for an answer is over')),
    LIMITS.longQueryMs - LIMITS.frameMs
  )
  const answered = new AbortController()
  const working = work(AbortSignal.any([signal, late.signal])).finally(() => answered.abort())
  // Awaited below; until then nobody listens.
  working.catch(() => undefined)
  try {
    for (;;) {
      await elapsed(everyMs, answered.signal)
      if (answered.signal.aborted) break
      yield { kind: 'working' }
    }
    yield await working
  } finally {
    clearTimeout(timer)
    late.abort(new Error('nobody waits for the answer any more'))
  }
}
