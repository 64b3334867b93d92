import type { Progress } from '#src/cli/terminal/progress.js'
import { Localnet } from '../localnet/index.js'
import { type Check, type CheckResult, runChecks } from '../scenario/checks.js'
import { Interrupted } from '../scenario/interruption.js'
import { askingChecks } from './asking-checks.js'
import { audit, stopCheck } from './audit.js'
import { followerChecks } from './follower-checks.js'
import { Inquiry } from './inquiry.js'
import { sealingChecks } from './sealing-checks.js'
import { acceptedIn, type DemoOptions, type Sending, send, sendingChecks, sentIn } from './sending.js'

export interface DemoResult {
  readonly sent: number
  readonly accepted: number
  /** As the sequencer said; null where it did not answer. */
  readonly blocks: number | null
  readonly pending: number | null
  /** ms from publishing to a verified receipt, of all clients; null without any. */
  readonly p50: number | null
  readonly p99: number | null
  readonly checks: readonly CheckResult[]
}

/** The whole demo. Whatever happens, nothing is left running and its folder is removed. Throws Interrupted when `signal` fires. */
export async function runDemo(
  options: DemoOptions,
  progress: Progress,
  signal: AbortSignal
): Promise<DemoResult> {
  const net = await Localnet.create({ network: { name: 'demo', blockSize: options.blockSize } })
  try {
    const sending = await send(net, options, progress, signal)
    return await judge(net, sending, progress, signal)
  } catch (error) {
    // What is being stopped fails in ways that say less than this.
    throw signal.aborted ? new Interrupted() : error
  } finally {
    await net.stop()
    progress.stop()
  }
}

async function judge(
  net: Localnet,
  sending: Sending,
  progress: Progress,
  signal: AbortSignal
): Promise<DemoResult> {
  const { sequencer } = sending
  const [address = ''] = sequencer.addresses
  const inquiry = new Inquiry(net.network, address)
  const onDisk = audit(net, sending, inquiry)
  const asking: Check[] = [
    ...sendingChecks(sending),
    ...askingChecks(sending, inquiry),
    ...followerChecks(sending, net.network, inquiry),
    ...sealingChecks(sending, inquiry, net.files.encryptionKey)
  ]
  const afterwards: Check[] = [stopCheck(net, sequencer), ...onDisk.checks]
  const checking = progress.phase('checking', asking.length + afterwards.length, 'test cases')
  const results: CheckResult[] = []
  const done = (result: CheckResult): void => {
    results.push(result)
    checking.advance()
  }
  try {
    await runChecks(asking, done, signal)
    await inquiry.close()
    await runChecks(afterwards, done, signal)
  } finally {
    await inquiry.close()
    await onDisk.close()
  }
  const said = await inquiry.status().catch(() => undefined)
  const times = sending.parts.flatMap(({ receipts }) => receipts.map(({ ms }) => ms)).sort((a, b) => a - b)
  return {
    sent: sentIn(sending),
    accepted: acceptedIn(sending),
    blocks: said?.height ?? null,
    pending: said?.pending ?? null,
    p50: percentile(times, 50),
    p99: percentile(times, 99),
    checks: results
  }
}

/** The nearest rank of sorted values. */
function percentile(sorted: readonly number[], percent: number): number | null {
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? null
}
