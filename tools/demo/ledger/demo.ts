import type { OrderingName } from '../../localnet/orderings.js'
import { type CheckResult, runChecks } from '../../scenario/checks.js'
import { stopCheck } from '../../scenario/ends.js'
import { runScenario, type Stage } from '../../scenario/scenario.js'
import { grantsOf, ledgerOf, makeCast } from './cast.js'
import { contestChecks } from './contest-checks.js'
import { folderCheck } from './folder-check.js'
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

/** The whole demo of a ledger. */
export async function runLedgerDemo(
  options: LedgerDemoOptions,
  watch: Omit<Stage, 'net'>
): Promise<LedgerDemoResult> {
  const { ordering, clients, followers, seed } = options
  const cast = await makeCast(clients)
  const net = await makeLocalnet(ordering, ledgerOf(grantsOf(cast), ordering))
  const stage = { net, ...watch }
  const peers = new Peers(net, ordering, followers)
  const run = new LedgerRun(peers, cast, options, stage)
  try {
    stage.progress.note(`keys and databases are in ${net.folder}`)
    return await runScenario(
      stage,
      () => run.outcome(),
      outcome => judge(stage, outcome, peers, seed)
    )
  } finally {
    await run.stop()
  }
}

async function judge(
  { net, progress, signal }: Stage,
  outcome: Outcome,
  peers: Peers,
  seed: number
): Promise<LedgerDemoResult> {
  const { ordering, clients, forgers } = outcome
  const survey = new Survey(net.network, peers.all)
  const asking = [
    ...senderChecks(outcome),
    ...stateChecks(outcome, survey.views),
    ...proofChecks(outcome, survey),
    ...contestChecks(outcome, survey.views)
  ]
  const afterwards = [stopCheck(net, () => peers.all), folderCheck(net, peers.all, survey.views)]
  const groups = [{ checks: asking, needs: survey }, { checks: afterwards }]
  const checks = await runChecks(groups, progress, signal)
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

export function ledgerSummary({ accepted, refused, blocks, digest, seed }: LedgerDemoResult): string[] {
  const inBlocks = blocks === null ? '' : ` in ${blocks} blocks`
  return [
    `${accepted} transfers accepted${inBlocks}, ${refused} refused; digest ${digest ?? 'unknown'}; seed ${seed}`
  ]
}
