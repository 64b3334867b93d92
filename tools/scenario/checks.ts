import type { Progress } from '#src/cli/terminal/progress.js'

/** A test case of a scenario. `run` gives what it found, in a few words, and throws where that is not as it should be. */
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

/** Checks that need the same thing, which is closed after them. May be closed again. */
export interface CheckGroup {
  readonly checks: readonly Check[]
  readonly needs?: { close(): Promise<void> }
}

/** Throws `detail` as an error unless `holds`. */
export function demand(holds: boolean, detail: string): asserts holds {
  if (!holds) throw new Error(detail)
}

/** Runs checks one after the other. One that throws has failed, and the others still run. */
export async function runChecks(
  groups: readonly CheckGroup[],
  progress: Progress,
  signal: AbortSignal
): Promise<CheckResult[]> {
  const count = groups.reduce((sum, { checks }) => sum + checks.length, 0)
  const checking = progress.phase('checking', count, 'test cases')
  const results: CheckResult[] = []
  try {
    for (const { checks, needs } of groups) {
      for (const { name, what, run } of checks) {
        signal.throwIfAborted()
        results.push({ name, what, ...(await outcome(run)) })
        checking.advance()
      }
      await needs?.close()
    }
  } finally {
    for (const { needs } of groups) await needs?.close()
  }
  return results
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
