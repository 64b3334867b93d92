import { setInterval } from 'node:timers/promises'
import { Localnet } from '../localnet/index.js'
import { Random } from '../localnet/random.js'
import { type CheckResult, runChecks } from '../scenario/checks.js'
import { whenBlockCame } from '../scenario/ends.js'
import { runScenario, type Stage } from '../scenario/scenario.js'
import { Churn, type ChurnCounts } from './churn.js'
import { Folders, folderChecks } from './folder-checks.js'
import { Ledger } from './ledger.js'
import { type Growth, MemoryCurve } from './memory.js'
import { memoryChecks, type Run, runChecksOf } from './run-checks.js'

export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
  readonly clients: number
  readonly followers: number
  /** Messages a second of each client. */
  readonly rate: number
  readonly blockSize: number
}

export interface SoakResult extends ChurnCounts {
  readonly seed: number
  readonly minutes: number
  /** Messages that have a receipt. */
  readonly accepted: number
  readonly blocks: number
  readonly memory: { readonly sequencer: Growth; readonly follower: Growth }
  readonly checks: readonly CheckResult[]
}

const SAMPLE_MS = 1_000
/** The last block is on its way to all followers, some of which have just started. */
const LAST_BLOCK_MS = 60_000

/** The whole soak. */
export async function runSoak(options: SoakOptions, watch: Omit<Stage, 'net'>): Promise<SoakResult> {
  const net = await Localnet.create({ network: { name: 'soak', blockSize: options.blockSize } })
  const stage = { net, ...watch }
  return runScenario(
    stage,
    () => play(stage, options),
    run => judge(stage, run, options)
  )
}

async function play(stage: Stage, options: SoakOptions): Promise<Run> {
  const { net, progress, signal } = stage
  const { minutes, seed, blockSize } = options
  progress.note(`keys and databases are in ${net.folder}; the seed is ${seed}`)
  const ledger = new Ledger(net)
  const churn = new Churn(net, new Random(seed), options, text => progress.note(text))
  await churn.populate()
  progress.note(`all are there; they come and go for ${minutes} minutes`)
  const ms = minutes * 60_000
  const memory = await live(churn, ledger, ms, stage)
  signal.throwIfAborted()

  progress.note('all come back, and empty their outboxes')
  await churn.gather()
  const drained = [...(await churn.drain()), await churn.last(blockSize)]
  const height = Math.floor(ledger.accepted / blockSize)
  await whenBlockCame([churn.sequencer, ...churn.followers], height, LAST_BLOCK_MS)
  return { net, churn, ledger, memory, drained, blockSize, ms }
}

async function judge(
  { progress, signal }: Stage,
  run: Run,
  { seed, minutes }: SoakOptions
): Promise<SoakResult> {
  const { churn, ledger, memory } = run
  const folders = new Folders(run)
  const checks = [...runChecksOf(run), ...memoryChecks(run), ...folderChecks(run, folders)]
  const results = await runChecks([{ checks, needs: folders }], progress, signal)
  return {
    seed,
    minutes,
    accepted: ledger.accepted,
    blocks: ledger.height,
    ...churn.counts,
    memory: { sequencer: memory.sequencer.growth(), follower: memory.follower.growth() },
    checks: results
  }
}

/** The time in which they come and go. */
async function live(
  churn: Churn,
  ledger: Ledger,
  ms: number,
  { progress, signal }: Stage
): Promise<Run['memory']> {
  const [steady = churn.sequencer] = churn.followers
  const memory = { sequencer: new MemoryCurve(churn.sequencer), follower: new MemoryCurve(steady) }
  const seconds = progress.phase('soaking', Math.round(ms / 1000), 'seconds')
  const start = performance.now()
  const over = new AbortController()
  const sampling = async (): Promise<void> => {
    let minute = 1
    try {
      for await (const _ of setInterval(SAMPLE_MS, undefined, { signal: over.signal })) {
        const at = performance.now() - start
        await Promise.all(Object.values(memory).map(curve => curve.sample(Math.min(1, at / ms))))
        if (at <= ms) seconds.advance()
        if (at < minute * 60_000) continue
        progress.note(`${minute} min: ${ledger.accepted} messages with a receipt, ${ledger.height} blocks`)
        minute += 1
      }
    } catch (error) {
      if (!over.signal.aborted) throw error
    }
  }
  const sampled = sampling()
  try {
    await churn.run(ms, signal)
  } finally {
    over.abort()
    await sampled
  }
  return memory
}
