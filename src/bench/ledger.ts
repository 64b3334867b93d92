import { printJson, printLine } from '../cli/output.js'
import { verificationsPerSecond } from './ceiling.js'
import { BenchProcess } from './child-process.js'
import type { LedgerFigures, LedgerLoad } from './ledger-figures.js'

const TRANSFERS = 60_000
/** What a transfer's signature covers, about. */
const SIGNED_BYTES = 220
const CEILING_SECONDS = 2

/** The state of the ledger by itself, in a process of its own: no signatures, no disk, no network. */
export async function benchLedger(accounts: number, asJson: boolean): Promise<void> {
  printLine(`… a state with ${accounts} accounts, ${TRANSFERS} transfers`)
  const load: LedgerLoad = { accounts, transfers: TRANSFERS }
  const child = new BenchProcess(new URL('./ledger-process.js', import.meta.url), load)
  const ceiling = (): number => verificationsPerSecond(SIGNED_BYTES, CEILING_SECONDS)
  try {
    const before = ceiling()
    const measured = await child.ask<LedgerFigures>('figures', 600_000)
    const ed25519VerifyPerSecond = Math.round((before + ceiling()) / 2)
    const toCeiling = Math.round((100 * measured.inBlocksOf100PerSecond) / ed25519VerifyPerSecond) / 100
    const figures = { ...measured, ed25519VerifyPerSecond, toCeiling }
    if (asJson) printJson({ ledger: figures })
    else printTable(figures)
  } finally {
    await child.end()
  }
}

interface Printed extends LedgerFigures {
  readonly ed25519VerifyPerSecond: number
  /** Transfers in blocks of 100 to verifications. */
  readonly toCeiling: number
}

function printTable(figures: Printed): void {
  const rows: [string, string][] = [
    ['Ed25519 verifications, one core', `${figures.ed25519VerifyPerSecond} a second`],
    [
      `a state with ${figures.accounts} accounts`,
      `${figures.memoryMb} MB, ${figures.bytesPerAccount} bytes an account, made in ${figures.buildSeconds} s`
    ],
    ['transfers decoded, judged and applied', `${figures.applyPerSecond} a second`],
    ['  with the digest after blocks of 100', `${figures.inBlocksOf100PerSecond} a second`],
    ['    to the verification ceiling', String(figures.toCeiling)],
    ['  with the digest after blocks of 1000', `${figures.inBlocksOf1000PerSecond} a second`],
    ['  to accounts that are new', `${figures.toNewAccountsPerSecond} a second`]
  ]
  for (const [what, figure] of rows) process.stdout.write(`${what.padEnd(46)} ${figure}\n`)
}
