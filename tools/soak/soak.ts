import { setInterval } from 'node:timers/promises'
import type { Progress } from '#src/cli/terminal/progress.js'
import { Localnet } from '../localnet/index.js'
import { Random } from '../localnet/random.js'
import { type CheckResult, runChecks } from '../scenario/checks.js'
import { Interrupted, unless } from '../scenario/interruption.js'
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

/** The whole soak. Whatever happens, nothing is left running and its folder is removed. Throws Interrupted when `signal` fires. */
export async function runSoak(
  options: SoakOptions,
  progress: Progress,
  signal: AbortSignal
): Promise<SoakResult> {
  const net = await Localnet.create({ network: { name: 'soak', blockSize: options.blockSize } })
  try {
    return await soak(net, options, progress, signal)
  } catch (error) {
    // What is being stopped fails in ways that say less than this.
    throw signal.aborted ? new Interrupted() : error
  } finally {
    await net.stop()
    progress.stop()
  }
}

async function soak(
  net: Localnet,
  options: SoakOptions,
  progress: Progress,
  signal: AbortSignal
): Promise<SoakResult> {
  const { minutes, seed, blockSize } = options
  progress.note(`keys and databases are in ${net.folder}; the seed is ${seed}`)
  const ledger = new Ledger(net)
  const churn = new Churn(net, new Random(seed), options, text => progress.note(text))
  await unless(signal, churn.populate())
  progress.note(`all are there; they come and go for ${minutes} minutes`)
  const memory = await unless(signal, live(churn, ledger, minutes * 60_000, progress, signal))

  progress.note('all come back, and empty their outboxes')
  await unless(signal, churn.gather())
  const undrained = await unless(signal, churn.drain())
  const last = await unless(signal, churn.last(blockSize))
  const run: Run = { net, churn, ledger, memory, undrained, last, blockSize, ms: minutes * 60_000 }
  await unless(signal, lastBlock(run))

  const folders = new Folders(run)
  const checks = [...runChecksOf(run), ...memoryChecks(run), ...folderChecks(run, folders)]
  const checking = progress.phase('checking', checks.length, 'test cases')
  const results: CheckResult[] = []
  try {
    await runChecks(
      checks,
      result => {
        results.push(result)
        checking.advance()
      },
      signal
    )
  } finally {
    await folders.close()
  }
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
  progress: Progress,
  signal: AbortSignal
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

/** That it came to all is checked by their folders. */
async function lastBlock({ churn, ledger, blockSize }: Run): Promise<void> {
  const height = Math.floor(ledger.accepted / blockSize)
  await Promise.all(
    [churn.sequencer, ...churn.followers].map(peer =>
      peer.event('block', block => block.height >= height, { within: LAST_BLOCK_MS }).catch(() => undefined)
    )
  )
}
