import { printJson, printLine } from '../cli/output.js'
import { BenchProcess } from './child-process.js'
import type { LedgerFigures, LedgerLoad } from './ledger-figures.js'

const TRANSFERS = 60_000

/** The state of the ledger by itself, in a process of its own: no signatures, no disk, no network. */
export async function benchLedger(accounts: number, asJson: boolean): Promise<void> {
  printLine(`… a state with ${accounts} accounts, ${TRANSFERS} transfers`)
  const load: LedgerLoad = { accounts, transfers: TRANSFERS }
  const child = new BenchProcess(new URL('./ledger-process.js', import.meta.url), load)
  try {
    const figures = await child.ask<LedgerFigures>('figures', 600_000)
    if (asJson) printJson({ ledger: figures })
    else printTable(figures)
  } finally {
    await child.end()
  }
}

function printTable(figures: LedgerFigures): void {
  const rows: [string, string][] = [
    [
      `a state with ${figures.accounts} accounts`,
      `${figures.memoryMb} MB, ${figures.bytesPerAccount} bytes an account, made in ${figures.buildSeconds} s`
    ],
    ['transfers decoded, judged and applied', `${figures.applyPerSecond} a second`],
    ['  with the digest after blocks of 100', `${figures.inBlocksOf100PerSecond} a second`],
    ['  with the digest after blocks of 1000', `${figures.inBlocksOf1000PerSecond} a second`],
    ['  to accounts that are new', `${figures.toNewAccountsPerSecond} a second`]
  ]
  for (const [what, figure] of rows) process.stdout.write(`${what.padEnd(46)} ${figure}\n`)
}
