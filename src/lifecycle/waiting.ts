/** The promise goes on where it is; nobody waits for it any more. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Ends as soon as `signal` fires. What is under way then comes to its end by itself. */
export async function* untilAborted<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  const iterator = items[Symbol.asyncIterator]()
  try {
    while (!signal.aborted) {
      const next = await unlessAborted(iterator.next(), signal)
      if (next.done) return
      yield next.value
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    iterator.return?.().catch(() => undefined)
  }
}

/**
 * Fires after `ms`, or with `signal`. The listener keeps the timeout alive: in Node 20 a timeout that only
 * AbortSignal.any knows is collected as garbage, and never fires (nodejs/node#57736).
 */
export function within(ms: number, signal: AbortSignal): AbortSignal {
  // A share of some time may be no whole number, which Node refuses.
  const timeout = AbortSignal.timeout(Math.ceil(ms))
  timeout.addEventListener('abort', () => undefined, { once: true })
  return AbortSignal.any([signal, timeout])
}

/** Resolves after `ms`, or as soon as `signal` fires. */
export function elapsed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}

/** A condition that others change: `wait` resolves at the next `wake`, after `ms`, or as soon as `signal` fires. */
export class Wakeup {
  #sleepers: (() => void)[] = []

  wake(): void {
    for (const rise of this.#sleepers.splice(0)) rise()
  }

  wait(signal: AbortSignal, ms?: number): Promise<void> {
    return new Promise(resolve => {
      const rise = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', rise)
        this.#sleepers = this.#sleepers.filter(other => other !== rise)
        resolve()
      }
      const timer = ms === undefined ? undefined : setTimeout(rise, ms)
      this.#sleepers.push(rise)
      signal.addEventListener('abort', rise)
      if (signal.aborted) rise()
    })
  }
}
