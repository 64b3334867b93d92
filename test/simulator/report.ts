import { textOf } from '#src/cli/terminal/styled.js'
import { tableOf } from '#tools/scenario/table.js'
import type { Forks } from './forks.js'
import type { Measures } from './measures.js'
import type { SimulationOptions } from './options.js'
import type { SimulationResult } from './simulation.js'
import type { Expectation } from './statistics.js'

/** For people. The same for the same options: nothing in it is of the time when, or the machine where, it was made. */
export function reportOf({ options, measures, head, checks }: SimulationResult): string {
  const lines = [
    ...settingsOf(options),
    '',
    ...blocksOf(measures),
    ...(measures.forks === undefined ? [] : forksToText(measures.forks, options)),
    ...restOf(measures, options),
    row('head', head ?? 'not one'),
    ''
  ]
  const isWell = checks.every(({ ok }) => ok)
  const summary = isWell ? `seed ${options.seed}` : `seed ${options.seed}; once more: ${commandOf(options)}`
  return [...lines, ...tableOf(checks, [summary]).map(textOf)].join('\n')
}

/** What makes the same run again. */
function commandOf(options: SimulationOptions): string {
  const flags = Object.entries(options).map(
    ([name, value]) => `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)} ${value}`
  )
  return `npm run simulate -- ${flags.join(' ')}`
}

function settingsOf(options: SimulationOptions): string[] {
  const {
    nodes,
    miners,
    ordering,
    hours,
    interval,
    delay,
    loss,
    partition,
    churn,
    growth,
    messageRate,
    fault
  } = options
  const who = ordering === 'work' ? `${nodes} nodes, ${miners} of them mine` : `${nodes} nodes`
  return [
    `${who}; ordering ${ordering}, ${hours} h, an interval of ${interval} s`,
    `${delay} ms a hop, ${share(loss)} lost, split ${share(partition)} of the time, ${share(churn)} away`,
    `${messageRate} messages an hour${growth === 1 ? '' : `, hash power at the end × ${growth}`}`,
    ...(fault === 'none' ? [] : [`with a fault in the rules: ${fault}`])
  ]
}

function blocksOf({ blocks, interval }: Measures): string[] {
  return [
    row('blocks found', `${blocks.found}`),
    row('  on the main chain', `${blocks.main}, one in ${seconds(interval)}`),
    row('  stale', `${blocks.stale}`)
  ]
}

function forksToText(
  { heights, rate, effectiveDelay, first, second }: Forks,
  { partition }: SimulationOptions
): string[] {
  const compared = ({ expected, samplingError, isWithin }: Expectation): string =>
    `${share(expected)} ± ${share(samplingError)} (2σ, ${heights} heights): ${isWithin ? 'within it' : 'NOT within it'}`
  return [
    row('fork rate', `${share(rate)}: heights with more than one block`),
    row('  effective delay d', `${seconds(effectiveDelay)} until the hash power knows a block of the height`),
    row('  1 − e^(−d/i)', compared(first)),
    row('  1 − e^(−d/(i−d))', compared(second)),
    ...(partition > 0 ? [row('', 'of a network that is never split; this one was')] : [])
  ]
}

function restOf(measures: Measures, { partition }: SimulationOptions): string[] {
  const { propagation, reorgs, tooDeep, convergence, messages } = measures
  const depths = reorgs.map(({ depth, times }) => `${depth} deep: ${times}`)
  const { mean, p50, p90 } = propagation
  const { times, unfinished } = convergence
  const converged = [
    `after ${times.map(seconds).join(', ') || '–'}`,
    ...(unfinished > 0 ? [`${unfinished} times not before the next partition`] : [])
  ]
  return [
    row('propagation', `${seconds(mean)} on average, ${seconds(p50)} (p50), ${seconds(p90)} (p90)`),
    row('reorgs at nodes', depths.length === 0 ? 'none' : depths.join('; ')),
    ...(tooDeep > 0 ? [row('  too deep', `a branch was met ${tooDeep} times that no reorg may reach`)] : []),
    ...(partition > 0 ? [row('one head again', converged.join('; '))] : []),
    row('messages', `${messages.written} written, ${messages.contradicted} contradicted on another side`)
  ]
}

function row(name: string, value: string): string {
  return `${name.padEnd(20)} ${value}`
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`
}

function share(value: number): string {
  return `${(100 * value).toFixed(2).replace(/\.?0+$/, '')} %`
}
