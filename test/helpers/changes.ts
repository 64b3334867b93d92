import { inTime } from '#tools/localnet/deadline.js'

/** How long a test waits for what must happen, ms. Generous: it decides nothing but when to give up. */
export const PATIENCE = 60_000

export function deadline(ms = PATIENCE): AbortSignal {
  return AbortSignal.timeout(ms)
}

/** Something that changes, and lets one await a state of it. */
export class Changes {
  readonly #watchers = new Set<() => void>()

  protected changed(): void {
    for (const watcher of this.#watchers) watcher()
  }

  /** What is shown when the wait was in vain. */
  protected describe(): string {
    return ''
  }

  /** Resolves once `condition` holds, which is looked at after each change. Throws where it does not within the deadline. */
  async until(what: string, condition: () => boolean, ms = PATIENCE): Promise<void> {
    if (condition()) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = (): void => {
      if (condition()) resolve()
    }
    this.#watchers.add(check)
    try {
      await inTime(promise, ms, () => new Error(`not within ${ms} ms: ${what}\n${this.describe()}`))
    } finally {
      this.#watchers.delete(check)
    }
  }
}

/** The value where there must be one. */
export function present<T>(value: T | undefined, what = 'the value'): T {
  if (value === undefined) throw new Error(`${what} is missing`)
  return value
}
