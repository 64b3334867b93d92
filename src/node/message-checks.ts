import type { Block } from '../core/block.js'
import { encodeBundle } from '../core/bundle.js'
import type { Fault } from '../core/fault.js'
import { LIMITS } from '../core/limits.js'
import type { Refusal } from '../core/refusal.js'
import type { Verdict } from '../core/validation.js'
import type { ValidationPool } from './validation-pool.js'

/** What worker threads say of each message of a block, in order, each looked at alone. */
export async function checkMessages({ envelopes }: Block, pool: ValidationPool): Promise<Verdict[]> {
  const verdicts: Promise<readonly Verdict[]>[] = []
  for (let start = 0; start < envelopes.length; ) {
    const end = endOfBundle(envelopes, start)
    const part = envelopes.slice(start, end)
    verdicts.push(pool.validate(encodeBundle(part), part.length))
    start = end
  }
  return (await Promise.all(verdicts)).flat()
}

/** What is wrong with the block because of what is wrong with its message at `index`. */
export function messageFault({ signed }: Block, index: number, { reason, detail }: Refusal): Fault {
  const { height, size, count } = signed.header
  return { kind: 'message', height, position: size - count + index, detail: `${reason}: ${detail}` }
}

function endOfBundle(envelopes: Block['envelopes'], start: number): number {
  let bytes = 0
  let end = start
  while (end < envelopes.length && end - start < LIMITS.bundleMessages) {
    bytes += (envelopes[end]?.length ?? 0) + 8
    if (bytes > LIMITS.bundleBytes - 64 && end > start) break
    end += 1
  }
  return end
}
