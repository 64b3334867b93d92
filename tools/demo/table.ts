import type { Line } from '#src/cli/terminal/styled.js'
import { tableOf } from '../scenario/table.js'
import type { DemoResult } from './demo.js'
import type { LedgerDemoResult } from './ledger/demo.js'

export function demoTable({ checks, ...totals }: DemoResult): Line[] {
  return tableOf(checks, summaryOf(totals))
}

export function ledgerTable({ checks, accepted, refused, blocks, digest, seed }: LedgerDemoResult): Line[] {
  const inBlocks = blocks === null ? '' : ` in ${blocks} blocks`
  return tableOf(checks, [
    `${accepted} transfers accepted${inBlocks}, ${refused} refused; digest ${digest ?? 'unknown'}; seed ${seed}`
  ])
}

function summaryOf({ sent, accepted, blocks, pending, p50, p99 }: Omit<DemoResult, 'checks'>): string[] {
  return [
    `${sent} sent, ${accepted} accepted, ${blocks ?? 'unknown'} blocks, ${pending ?? 'unknown'} pending`,
    ...(p50 === null ? [] : [`receipts after ${p50.toFixed(1)} ms (p50), ${p99?.toFixed(1)} ms (p99)`])
  ]
}
