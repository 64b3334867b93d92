import { printJson } from '#src/cli/terminal/terminal.js'
import { verificationsPerSecond } from './ceiling.js'
import { BenchProcess } from './children.js'
import type { Muxers } from './gossip.js'
import type { LedgerFigures, LedgerLoad } from './ledger-figures.js'
import { decimals, printRows, type Row } from './rows.js'
import { type Transfers, transfersEndToEnd } from './transfers.js'

export interface LedgerOptions {
  /** In the state that is measured by itself. */
  readonly accounts: number
  readonly transfers: number
  readonly clients: number
  readonly muxers: Muxers
  readonly progress: (phase: string) => void
}

/** As many as a network document may name. */
const NAMED_ACCOUNTS = 10_000
const STATE_TRANSFERS = 60_000
/** What a transfer's signature covers, about. */
const SIGNED_BYTES = 170
const CEILING_SECONDS = 2
const LONG = 600_000

export type Ledger = Awaited<ReturnType<typeof measureLedger>>

/** Transfers through the sequencer, and the state alone; each beside verifications in the same minute. */
export async function measureLedger({ accounts, transfers, clients, muxers, progress }: LedgerOptions) {
  const ceiling = (): number => verificationsPerSecond(SIGNED_BYTES, CEILING_SECONDS)
  const first = ceiling()
  progress(`${transfers} transfers from ${clients} clients`)
  const through = await transfersEndToEnd({ transfers, clients, accounts: NAMED_ACCOUNTS, muxers })
  const second = ceiling()
  progress(`a state with ${accounts} accounts, ${STATE_TRANSFERS} transfers`)
  const state = await stateAlone({ accounts, transfers: STATE_TRANSFERS })
  const third = ceiling()
  return {
    endToEnd: endToEndFigures(through, (first + second) / 2),
    state: stateFigures(state, (second + third) / 2)
  }
}

/** The ledger by itself. */
export async function benchLedger(options: LedgerOptions, asJson: boolean): Promise<void> {
  const figures = await measureLedger(options)
  if (asJson) printJson({ ledger: figures })
  else printRows(ledgerRows(figures))
  if (!isLedgerSound(figures)) process.exitCode = 1
}

export function isLedgerSound({ endToEnd }: Ledger): boolean {
  return endToEnd.lost === 0 && endToEnd.isStateRight
}

export function ledgerRows({ endToEnd: all, state }: Ledger): Row[] {
  return [
    [`${all.transfers} transfers among ${all.accounts} accounts`, `${all.perSecond} a second`],
    ['  Ed25519 verifications meanwhile', `${all.ed25519VerifyPerSecond} a second`],
    ['  to the verification ceiling', String(all.toCeiling)],
    ['  lost', String(all.lost)],
    ['  the state is what plain sums give', all.isStateRight ? 'yes' : 'no'],
    ["  sequencer's CPU time a transfer", `${all.sequencerCpuInVerifications} verifications`],
    ["  clients' CPU time a transfer", `${all.clientsCpuInVerifications} verifications`],
    ["  sequencer's peak memory", `${all.peakRssMb} MB`],
    [
      `a state with ${state.accounts} accounts`,
      `${state.memoryMb} MB, ${state.bytesPerAccount} bytes an account, made in ${state.buildSeconds} s`
    ],
    ['  Ed25519 verifications meanwhile', `${state.ed25519VerifyPerSecond} a second`],
    ['  transfers decoded, judged and applied', `${state.applyPerSecond} a second`],
    ['    with the digest after blocks of 100', `${state.inBlocksOf100PerSecond} a second`],
    ['      to the verification ceiling', String(state.toCeiling)],
    ['    with the digest after blocks of 1000', `${state.inBlocksOf1000PerSecond} a second`],
    ['    to accounts that are new', `${state.toNewAccountsPerSecond} a second`]
  ]
}

/** In a process of its own: no signatures, no disk, no network. */
async function stateAlone(load: LedgerLoad): Promise<LedgerFigures> {
  const child = new BenchProcess('ledger-process', load)
  try {
    return await child.ask<LedgerFigures>('figures', LONG)
  } finally {
    await child.end()
  }
}

function endToEndFigures(measured: Transfers, verifications: number) {
  const { perSecond, sequencerMsPerTransfer, clientsMsPerTransfer, peakRssMb, ...rest } = measured
  return {
    ...rest,
    ed25519VerifyPerSecond: Math.round(verifications),
    perSecond: Math.round(perSecond),
    toCeiling: decimals(perSecond / verifications),
    sequencerCpuInVerifications: decimals((sequencerMsPerTransfer * verifications) / 1000),
    clientsCpuInVerifications: decimals((clientsMsPerTransfer * verifications) / 1000),
    peakRssMb: Math.round(peakRssMb)
  }
}

function stateFigures(measured: LedgerFigures, verifications: number) {
  return {
    ...measured,
    ed25519VerifyPerSecond: Math.round(verifications),
    toCeiling: decimals(measured.inBlocksOf100PerSecond / verifications)
  }
}
