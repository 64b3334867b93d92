import { setTimeout as elapsed } from 'node:timers/promises'

/** Counts 0, 1, 2, … at `rate` a second for `duration` seconds (0: without end): exactly rate × duration of them, late ones at once. */
export async function* ticks(
  { rate, duration }: { readonly rate: number; readonly duration: number },
  stopping: AbortSignal
): AsyncIterable<number> {
  const count = duration === 0 ? Number.POSITIVE_INFINITY : Math.round(rate * duration)
  const start = performance.now()
  for (let index = 0; index < count && !stopping.aborted; index += 1) {
    const wait = start + (index * 1000) / rate - performance.now()
    if (wait > 1) await elapsed(wait, undefined, { signal: stopping }).catch(() => undefined)
    if (!stopping.aborted) yield index
  }
}
