import { Localnet } from '../localnet/index.js'
import { type CheckResult, runChecks } from '../scenario/checks.js'
import { stopCheck } from '../scenario/ends.js'
import { Reopened } from '../scenario/reopened.js'
import { runScenario, type Stage } from '../scenario/scenario.js'
import { askingChecks } from './asking-checks.js'
import { auditChecks } from './audit.js'
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

/** P8 of the contract. */
const STOP_MS = 5_000

/** The whole demo of messages. */
export async function runDemo(options: DemoOptions, watch: Omit<Stage, 'net'>): Promise<DemoResult> {
  const net = await Localnet.create({ network: { name: 'demo', blockSize: options.blockSize } })
  const stage = { net, ...watch }
  return runScenario(
    stage,
    () => send(stage, options),
    sending => judge(stage, sending)
  )
}

async function judge({ net, progress, signal }: Stage, sending: Sending): Promise<DemoResult> {
  const { sequencer, followers } = sending
  const inquiry = new Inquiry(net.network, sequencer)
  const folder = new Reopened(net, sequencer.data)
  const asking = [
    ...sendingChecks(sending),
    ...askingChecks(sending, inquiry),
    ...followerChecks(sending, inquiry),
    ...sealingChecks(sending, inquiry, net.files.encryptionKey)
  ]
  const afterwards = [
    stopCheck(net, () => [sequencer, ...followers], STOP_MS),
    ...auditChecks(net, sending, inquiry, folder)
  ]
  const groups = [
    { checks: asking, needs: inquiry },
    { checks: afterwards, needs: folder }
  ]
  const checks = await runChecks(groups, progress, signal)
  const said = await inquiry.status().catch(() => undefined)
  const times = sending.parts.flatMap(({ receipts }) => receipts.map(({ ms }) => ms)).sort((a, b) => a - b)
  return {
    sent: sentIn(sending),
    accepted: acceptedIn(sending),
    blocks: said?.height ?? null,
    pending: said?.pending ?? null,
    p50: percentile(times, 50),
    p99: percentile(times, 99),
    checks
  }
}

/** The nearest rank of sorted values. */
function percentile(sorted: readonly number[], percent: number): number | null {
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? null
}

export function demoSummary({
  sent,
  accepted,
  blocks,
  pending,
  p50,
  p99
}: Omit<DemoResult, 'checks'>): string[] {
  return [
    `${sent} sent, ${accepted} accepted, ${blocks ?? 'unknown'} blocks, ${pending ?? 'unknown'} pending`,
    ...(p50 === null ? [] : [`receipts after ${p50.toFixed(1)} ms (p50), ${p99?.toFixed(1)} ms (p99)`])
  ]
}
