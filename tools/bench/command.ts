import { Command, Option } from 'commander'
import { wholeNumber } from '#src/cli/options.js'
import { printJson, printLine } from '#src/cli/terminal/terminal.js'
import { verificationsPerSecond } from './ceiling.js'
import { type EndToEnd, endToEnd } from './end-to-end.js'
import { type ForkFigures, forkFigures } from './forks.js'
import { gossipPerSecond, type Muxers } from './gossip.js'
import { benchLedger, isLedgerSound, type Ledger, ledgerRows, measureLedger } from './ledger.js'
import { type MiningRates, miningRates } from './mining.js'
import { decimals, printRows, type Row } from './rows.js'

interface BenchOptions {
  readonly messages: number
  readonly transfers: number
  readonly clients: number
  readonly bytes: number
  readonly latencySeconds: number
  readonly muxer?: 'yamux' | 'mplex'
  readonly ledger?: number
  readonly json?: true
}

export function benchCommand(): Command {
  return new Command('bench')
    .description('Measures Tallystick beside the two things that bound it, on this machine, in one run.')
    .option('--messages <n>', 'messages end to end', wholeNumber(1000), 100_000)
    .option('--transfers <n>', 'transfers end to end', wholeNumber(100), 100_000)
    .option('--clients <n>', 'clients, all in one process', wholeNumber(1, 100), 10)
    .option('--bytes <n>', 'plaintext of a message', wholeNumber(40, 8000), 300)
    .option('--latency-seconds <s>', 'how long receipts are timed at a low rate', wholeNumber(1, 600), 20)
    .addOption(new Option('--muxer <name>', 'default: what peers use').choices(['yamux', 'mplex']))
    .addOption(
      new Option('--ledger [accounts]', 'the ledger alone, and its state with so many accounts')
        .preset(String(ACCOUNTS))
        .argParser(wholeNumber(1000, 10_000_000))
    )
    .option('--json', 'one JSON object on stdout')
    .action(bench)
}

/** Bytes that an envelope's signature covers beyond the plaintext, about: what the ceiling should verify too. */
const SIGNED_OVERHEAD = 160
const CEILING_SECONDS = 2
/** In the state of a ledger. */
const ACCOUNTS = 1_000_000

async function bench(options: BenchOptions): Promise<void> {
  const muxers: Muxers = options.muxer === undefined ? ['yamux', 'mplex'] : [options.muxer]
  const progress = (phase: string): void => printLine(`… ${phase}`)
  const ofLedger = { ...options, accounts: options.ledger ?? ACCOUNTS, muxers, progress }
  if (options.ledger !== undefined) return benchLedger(ofLedger, options.json === true)
  const ceiling = (): number => verificationsPerSecond(options.bytes + SIGNED_OVERHEAD, CEILING_SECONDS)

  progress('Ed25519 verifications on one core')
  const before = ceiling()
  progress('mining beside bare hashing, one thread')
  const mining = await miningRates()
  progress('reorgs and headers')
  const forks = await forkFigures()
  progress('plain gossipsub between two processes')
  const gossip = await gossipPerSecond(Math.min(options.messages, 40_000), options.bytes, muxers)
  const measured = await endToEnd({ ...options, muxers, progress })
  progress('Ed25519 verifications once more')
  // The machine may have changed its pace meanwhile.
  const verifications = (before + ceiling()) / 2
  const ledger = await measureLedger(ofLedger)
  const figures = { ...figuresOf(verifications, gossip, { mining, forks }, measured), ledger }
  if (options.json) printJson(figures)
  else printTable(figures, options)
  if (figures.endToEnd.lost > 0 || !isLedgerSound(ledger)) process.exitCode = 1
}

type Figures = ReturnType<typeof figuresOf> & { readonly ledger: Ledger }

interface EqualFigures {
  readonly mining: MiningRates
  readonly forks: ForkFigures
}

function figuresOf(
  verifications: number,
  gossip: number,
  { mining, forks }: EqualFigures,
  measured: EndToEnd
) {
  const { messages, perSecond, lost, resent, latency, catchUp, light, messagesPerBlock } = measured
  return {
    ceiling: {
      ed25519VerifyPerSecond: Math.round(verifications),
      gossipsubPerSecond: Math.round(gossip)
    },
    endToEnd: {
      messages,
      perSecond: Math.round(perSecond),
      toCeiling: decimals(perSecond / verifications),
      toGossipsub: decimals(perSecond / gossip),
      lost,
      resent,
      sequencerCpuInVerifications: decimals((measured.sequencerCpuMsPerMessage * verifications) / 1000)
    },
    latency: { p50: decimals(latency.p50), p99: decimals(latency.p99) },
    bytesPerMessage: Math.round(measured.bytesPerMessage),
    peakRssMb: Math.round(measured.peakRssMb),
    catchUp: {
      blocks: catchUp.blocks,
      blocksPerSecond: Math.round(catchUp.blocksPerSecond),
      toCeiling: decimals((catchUp.blocksPerSecond * messagesPerBlock) / verifications),
      rssMb: catchUp.rssMb
    },
    lightClient: { ...light, ms: decimals(light.ms) },
    mining: {
      hashesPerSecond: Math.round(mining.hashesPerSecond),
      rawPerSecond: Math.round(mining.rawPerSecond),
      ratio: decimals(mining.hashesPerSecond / mining.rawPerSecond)
    },
    reorg: {
      ...forks.reorg,
      ms: decimals(forks.reorg.ms),
      longestBlockMs: decimals(forks.reorg.longestBlockMs)
    },
    headerSync: {
      headersPerSecond: Math.round(forks.headersPerSecond),
      toCeiling: decimals(forks.headersPerSecond / verifications)
    }
  }
}

function printTable(figures: Figures, { bytes, clients }: BenchOptions): void {
  const { ceiling, endToEnd: all, latency, catchUp: caughtUp, lightClient: light, mining, reorg } = figures
  const rows: Row[] = [
    ['Ed25519 verifications, one core', `${ceiling.ed25519VerifyPerSecond} a second`],
    [`plain gossipsub, ${bytes} bytes`, `${ceiling.gossipsubPerSecond} a second`],
    [`end to end, ${all.messages} messages, ${clients} clients`, `${all.perSecond} a second`],
    ['  to the verification ceiling', String(all.toCeiling)],
    ['  to plain gossipsub', String(all.toGossipsub)],
    ['  lost', String(all.lost)],
    ["  sequencer's CPU time a message", `${all.sequencerCpuInVerifications} verifications`],
    ['publish to verified receipt, 1 a second each', `p50 ${latency.p50} ms, p99 ${latency.p99} ms`],
    [
      'on disk, compacted',
      `${figures.bytesPerMessage} bytes a message, ${figures.bytesPerMessage - bytes} over its plaintext`
    ],
    ["sequencer's peak memory", `${figures.peakRssMb} MB`],
    [`a follower catches up with ${caughtUp.blocks} blocks`, `${caughtUp.blocksPerSecond} a second`],
    ['  its messages to the verification ceiling', String(caughtUp.toCeiling)],
    ['  its memory on the way', `${caughtUp.rssMb.join(', ')} MB`],
    [`a light client moves over ${light.blocks} blocks`, `${light.bytes} bytes, ${light.ms} ms`],
    ['mining, one thread', `${mining.hashesPerSecond} hashes a second`],
    ['  to bare hashing in such a thread', String(mining.ratio)],
    [
      `reorg of ${reorg.blocks} blocks, ${reorg.messages} messages`,
      `${reorg.ms} ms; the event loop held for ${reorg.longestBlockMs} ms at most`
    ],
    ['headers checked with work and signature', `${figures.headerSync.headersPerSecond} a second`],
    ['  to the verification ceiling', String(figures.headerSync.toCeiling)],
    ...ledgerRows(figures.ledger)
  ]
  printRows(rows)
}
