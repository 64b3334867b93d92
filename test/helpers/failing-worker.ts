import type { PackedVerdicts } from '#src/node/packed-verdicts.js'
import type { ValidationJob } from '#src/node/validation-worker.js'

/** A validation worker with two defects: a message that it throws at, and one that it never comes to an end with. */
export const MADE_TO_THROW = 'throw at this'
export const MADE_TO_HANG = 'think about this for ever'

export default async function judge(job: ValidationJob): Promise<PackedVerdicts> {
  // Not above: it is loaded by worker threads alone.
  const { default: validateBundles } = await import('#src/node/validation-worker.js')
  const has = (text: string): boolean => job.bundles.some(bundle => Buffer.from(bundle).includes(text))
  if (has(MADE_TO_THROW)) throw new RangeError('Maximum call stack size exceeded')
  while (has(MADE_TO_HANG));
  return validateBundles(job)
}
