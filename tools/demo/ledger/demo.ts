import type { Progress } from '#src/cli/terminal/progress.js'
import type { OrderingName } from '../../localnet/orderings.js'
import { type Check, type CheckResult, runChecks } from '../../scenario/checks.js'
import { Interrupted } from '../../scenario/interruption.js'
import { grantsOf, ledgerOf, makeCast } from './cast.js'
import { contestChecks } from './contest-checks.js'
import { folderChecks } from './folder-checks.js'
import type { LedgerDemoOptions } from './options.js'
import { acceptedIn, type Outcome } from './outcome.js'
import { makeLocalnet, Peers } from './peers.js'
import { proofChecks } from './proof-checks.js'
import { LedgerRun } from './run.js'
import { senderChecks } from './sender-checks.js'
import { stateChecks } from './state-checks.js'
import { Survey } from './survey.js'

export interface LedgerDemoResult {
  readonly application: 'ledger'
  readonly ordering: OrderingName
  readonly seed: number
  /** Transfers that were taken, without those of which only one can be. */
  readonly accepted: number
  /** Transfers that were not: by the clients themselves, and by peers. */
  readonly refused: number
  /** As the peers show it; null where they do not, and blocks too where there is no order. */
  readonly blocks: number | null
  readonly digest: string | null
  readonly checks: readonly CheckResult[]
}

/** The whole demo of a ledger. Whatever happens, nothing is left running and its folder is removed. Throws Interrupted when `signal` fires. */
export async function runLedgerDemo(
  options: LedgerDemoOptions,
  progress: Progress,
  signal: AbortSignal
): Promise<LedgerDemoResult> {
  const { ordering, clients, followers } = options
  const cast = await makeCast(clients)
  const net = await makeLocalnet(ordering, ledgerOf(grantsOf(cast), ordering))
  const peers = new Peers(net, ordering, followers)
  const run = new LedgerRun(peers, cast, options, progress, signal)
  try {
    progress.note(`keys and databases are in ${net.folder}`)
    return await judge(await run.outcome(), peers, options.seed, progress, signal)
  } catch (error) {
    // What is being stopped fails in ways that say less than this.
    throw signal.aborted ? new Interrupted() : error
  } finally {
    await run.stop()
    await net.stop()
    progress.stop()
  }
}

async function judge(
  outcome: Outcome,
  peers: Peers,
  seed: number,
  progress: Progress,
  signal: AbortSignal
): Promise<LedgerDemoResult> {
  const { ordering, clients, forgers } = outcome
  const survey = new Survey(peers.net.network, () => peers.all)
  const asking: Check[] = [
    ...senderChecks(outcome),
    ...stateChecks(outcome, survey.views),
    ...proofChecks(outcome, survey),
    ...contestChecks(outcome, survey.views)
  ]
  const afterwards = folderChecks(peers.net, () => peers.all, survey.views)
  const checking = progress.phase('checking', asking.length + afterwards.length, 'test cases')
  const checks: CheckResult[] = []
  const done = (result: CheckResult): void => {
    checks.push(result)
    checking.advance()
  }
  try {
    await runChecks(asking, done, signal)
    await survey.close()
    await runChecks(afterwards, done, signal)
  } finally {
    await survey.close()
  }
  const [view] = await survey.views().catch(() => [])
  const refusedByPeers = forgers
    .flatMap(({ attempts }) => attempts)
    .filter(({ told }) => told.kind === 'refused')
  return {
    application: 'ledger',
    ordering,
    seed,
    accepted: acceptedIn(outcome).length,
    refused: clients.reduce((sum, { refused }) => sum + refused.length, refusedByPeers.length),
    blocks: ordering === 'none' ? null : (view?.blocks.length ?? null),
    digest: view?.digest ?? null,
    checks
  }
}
