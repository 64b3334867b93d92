import type { Block } from '../core/block.js'
import { encodeBundle } from '../core/bundle.js'
import type { EnvelopeBytes } from '../core/bytes.js'
import type { Fault } from '../core/fault.js'
import { LIMITS } from '../core/limits.js'
import { leafHash } from '../core/merkle.js'
import { type Refusal, refusal } from '../core/refusal.js'
import type { Verdict } from '../core/validation.js'
import type { ValidationPool } from './validation-pool.js'

/** What worker threads say of each message, in order, each looked at alone; of one that is too long, nobody needs to. */
export async function checkMessages(
  envelopes: readonly EnvelopeBytes[],
  pool: ValidationPool
): Promise<Verdict[]> {
  const fitting = envelopes.filter(({ length }) => length <= pool.messageBytes)
  const asked: Promise<readonly Verdict[]>[] = []
  for (let start = 0; start < fitting.length; ) {
    const end = endOfBundle(fitting, start)
    const part = fitting.slice(start, end)
    asked.push(pool.validate(encodeBundle(part), part.length))
    start = end
  }
  const verdicts = (await Promise.all(asked)).flat()[Symbol.iterator]()
  return envelopes.map((envelope): Verdict => {
    if (envelope.length > pool.messageBytes) return tooLarge(envelope, pool.messageBytes)
    const { value } = verdicts.next()
    if (value === undefined) throw new RangeError('each message has a verdict')
    return value
  })
}

function tooLarge(envelope: EnvelopeBytes, messageBytes: number): Verdict {
  const detail = `${envelope.length} bytes; this network takes ${messageBytes}`
  return { ok: false, leaf: leafHash(envelope), refusal: refusal('too large', detail) }
}

/** What is wrong with the block because of what is wrong with its message at `index`. */
export function messageFault({ signed }: Block, index: number, { reason, detail }: Refusal): Fault {
  const { height, size, count } = signed.header
  return { kind: 'message', height, position: size - count + index, detail: `${reason}: ${detail}` }
}

function endOfBundle(envelopes: readonly EnvelopeBytes[], start: number): number {
  let bytes = 0
  let end = start
  while (end < envelopes.length && end - start < LIMITS.bundleMessages) {
    bytes += (envelopes[end]?.length ?? 0) + 8
    if (bytes > LIMITS.bundleBytes - 64 && end > start) break
    end += 1
  }
  return end
}
