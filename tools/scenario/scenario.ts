import { Failure } from '#src/cli/failure.js'
import type { Progress } from '#src/cli/terminal/progress.js'
import { unlessAborted } from '#src/lifecycle/waiting.js'
import type { Localnet } from '../localnet/index.js'

/** Where a scenario is played, who watches it, and what ends it early. */
export interface Stage {
  readonly net: Localnet
  readonly progress: Progress
  readonly signal: AbortSignal
}

/** Ended by the user: nothing is wrong, but nothing is shown either. */
class Interrupted extends Failure {
  override name = 'Interrupted'

  constructor() {
    super('ERR_INTERRUPTED')
  }
}

/**
 * Plays a scenario, and then judges what came of it. Whatever happens, nothing is left running and the folder is
 * removed. Throws Interrupted when the signal fires: playing ends at once, judging between two checks, which may have
 * opened a database.
 */
export async function runScenario<Played, Result>(
  { net, progress, signal }: Stage,
  play: () => Promise<Played>,
  judge: (played: Played) => Promise<Result>
): Promise<Result> {
  try {
    return await judge(await unlessAborted(play(), signal))
  } catch (error) {
    // What is being stopped fails in ways that say less than this.
    throw signal.aborted ? new Interrupted() : error
  } finally {
    await net.stop()
    progress.stop()
  }
}
