/** A test case of the demo. `run` gives what it found, in a few words, and throws where that is not as it should be. */
export interface Check {
  readonly name: string
  readonly what: string
  run(): Promise<string>
}

export interface CheckResult {
  readonly name: string
  readonly what: string
  readonly ok: boolean
  readonly detail: string
}

/** Throws `detail` as an error unless `holds`. */
export function demand(holds: boolean, detail: string): asserts holds {
  if (!holds) throw new Error(detail)
}

/** Runs checks one after the other. One that throws has failed, and the others still run. */
export async function runChecks(
  checks: readonly Check[],
  done: (result: CheckResult) => void,
  signal: AbortSignal
): Promise<void> {
  for (const { name, what, run } of checks) {
    signal.throwIfAborted()
    done({ name, what, ...(await outcome(run)) })
  }
}

async function outcome(run: () => Promise<string>): Promise<Pick<CheckResult, 'ok' | 'detail'>> {
  try {
    return { ok: true, detail: await run() }
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) }
  }
}

/** Makes a thing once, when it is first needed; whoever needs it and it cannot be made hears why. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
