// Node 20 lacks what js-libp2p 3 needs; this comes before anything of libp2p's.
import 'core-js/actual/promise/with-resolvers.js'
import { Command, InvalidArgumentError, Option } from 'commander'
import { UsageError } from '#src/cli/failure.js'
import { positiveNumber, wholeNumber } from '#src/cli/options.js'
import { run } from '#src/cli/run.js'
import { barsOn } from '#src/cli/terminal/progress.js'
import { printJson } from '#src/cli/terminal/terminal.js'
import { FAULTS } from './faults.js'
import { DEFAULTS, type SimulationOptions } from './options.js'
import { reportOf } from './report.js'
import { simulate } from './simulation.js'

interface CommandOptions extends Omit<SimulationOptions, 'miners'> {
  readonly miners?: number
  readonly json?: true
}

const program = new Command('simulate')
  .description(
    'Runs many nodes with real chains under a virtual clock and a virtual network. The same options give the same output.'
  )
  .option('--nodes <n>', 'how many nodes', wholeNumber(2, 10_000), DEFAULTS.nodes)
  .addOption(
    new Option('--ordering <name>', 'who extends the chain')
      .choices(['work', 'sequencer'])
      .default(DEFAULTS.ordering)
  )
  .option('--hours <n>', 'virtual hours', wholeNumber(1, 100_000), DEFAULTS.hours)
  .option('--seed <n>', 'of all that is random', wholeNumber(0, 2 ** 32 - 1), DEFAULTS.seed)
  .option('--interval <s>', 'between two blocks', wholeNumber(1, 3_600), DEFAULTS.interval)
  .option('--delay <ms>', 'of one message on one link, on average', positiveNumber, DEFAULTS.delay)
  .option('--loss <share>', 'of messages that get lost', share, DEFAULTS.loss)
  .option('--partition <share>', 'of the time in which the network is split', share, DEFAULTS.partition)
  .option('--churn <share>', 'of nodes that are away at any time', share, DEFAULTS.churn)
  .option('--miners <n>', 'how many of the nodes mine (default: all)', wholeNumber(1, 10_000))
  .option('--growth <factor>', 'hash power at the end for that at the start', growth, DEFAULTS.growth)
  .option('--message-rate <n>', 'messages an hour, in all', wholeNumber(0, 100_000), DEFAULTS.messageRate)
  .addOption(
    new Option('--fault <name>', 'make the rules of all nodes wrong, to see that it is found')
      .choices([...FAULTS])
      .default(DEFAULTS.fault)
  )
  .option('--json', 'one JSON object on stdout')
  .action(act)

await run(program)

async function act({ json, miners, ...chosen }: CommandOptions): Promise<void> {
  const options: SimulationOptions = { ...chosen, miners: miners ?? chosen.nodes }
  if (options.miners > options.nodes)
    throw new UsageError(`${options.miners} of ${options.nodes} nodes cannot mine; give fewer --miners`)
  const started = performance.now()
  const bars = barsOn(process.stderr)
  const phase = bars.phase('simulated', options.hours, 'h')
  const result = await simulate(options, () => phase.advance())
  bars.stop()
  if (process.stderr.isTTY)
    process.stderr.write(`it took ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
  if (json)
    printJson({ ...result, checks: result.checks.map(({ name, ok, detail }) => ({ name, ok, detail })) })
  else process.stdout.write(`${reportOf(result)}\n`)
  if (result.checks.some(({ ok }) => !ok)) process.exitCode = 1
}

function share(text: string): number {
  const value = Number(text)
  if (!/^\d*\.?\d+$/.test(text) || value > 0.9)
    throw new InvalidArgumentError('It must be a number from 0 to 0.9, such as 0.05.')
  return value
}

function growth(text: string): number {
  const value = positiveNumber(text)
  if (value < 0.125 || value > 1024) throw new InvalidArgumentError('It must be a number from 0.125 to 1024.')
  return value
}
