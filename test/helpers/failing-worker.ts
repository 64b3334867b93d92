import { writeSync } from 'node:fs'
import type { PackedVerdicts } from '#src/validation/packed-verdicts.js'
import type { ValidationJob } from '#src/validation/validation-worker.js'

/** A validation worker with two defects: a message that it throws at, and one that it never comes to an end with. */
export const MADE_TO_THROW = 'throw at this'
export const MADE_TO_HANG = 'think about this for ever'
/** Over this one it stops its whole process, as a user or a laptop may, and takes a moment after that. */
export const MADE_TO_STOP = 'stop the process'

export default async function judge(job: ValidationJob): Promise<PackedVerdicts> {
  // Not above: it is loaded by worker threads alone.
  const { default: validateBundles } = await import('#src/validation/validation-worker.js')
  const has = (text: string): boolean => job.bundles.some(bundle => Buffer.from(bundle).includes(text))
  if (has(MADE_TO_THROW)) throw new RangeError('Maximum call stack size exceeded')
  while (has(MADE_TO_HANG));
  if (has(MADE_TO_STOP)) {
    writeSync(1, 'stopping\n')
    process.kill(process.pid, 'SIGSTOP')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
  }
  return validateBundles(job)
}
