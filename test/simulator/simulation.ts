import { quiet } from '#src/cli/terminal/progress.js'
import { toHex } from '#src/core/bytes.js'
import { type CheckResult, runChecks } from '#tools/scenario/checks.js'
import { invariantsOf } from './invariants.js'
import { type Measures, measuresOf } from './measures.js'
import { HOUR, type SimulationOptions } from './options.js'
import { VirtualNetwork } from './virtual-network.js'

/** How long, in intervals, it may take until all that was written is in a block and everybody knows it. */
const PATIENCE = 300

export interface SimulationResult {
  readonly options: SimulationOptions
  readonly measures: Measures
  /** Of the block that all end on; undefined where they do not. */
  readonly head: string | undefined
  readonly checks: readonly CheckResult[]
}

/** Runs a network for its hours, lets it come to rest, and looks at what must hold. `advanced`: hears of each hour. */
export async function simulate(
  options: SimulationOptions,
  advanced: () => void = () => undefined
): Promise<SimulationResult> {
  const net = await VirtualNetwork.create(options)
  await net.start()
  for (let hour = 1; hour <= options.hours; hour += 1) {
    await net.time.run(hour * HOUR)
    advanced()
  }
  net.observations.finish()
  await settle(net)
  const checks = await runChecks([{ checks: invariantsOf(net) }], quiet, new AbortController().signal)
  const head = net.observations.agreement.isOne ? net.nodes[0]?.peer.head?.block.signed.id : undefined
  return { options, measures: measuresOf(net), head: head && toHex(head), checks }
}

/** All come back and nothing more is written; blocks are made only as long as something waits for one. */
async function settle(net: VirtualNetwork): Promise<void> {
  const { time, interval, partitions, churn, writing, regime, observations } = net
  const deadline = time.now + PATIENCE * interval
  partitions.heal()
  writing.end()
  await churn.end()
  for (;;) {
    const isNeeded = regime.hasWaiting()
    regime.settle(isNeeded)
    if ((observations.agreement.isOne && !isNeeded) || time.now >= deadline) return
    await time.run(time.now + interval / 10)
  }
}
