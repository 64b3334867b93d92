import { randomInt } from 'node:crypto'
import { Command, Option } from 'commander'
import { UsageError } from '#src/cli/failure.js'
import { positiveNumber, wholeNumber } from '#src/cli/options.js'
import { stopController } from '#src/cli/peer/run-peer.js'
import { progressOn } from '#src/cli/terminal/progress.js'
import { printLine, standardError } from '#src/cli/terminal/terminal.js'
import { ORDERINGS, type OrderingName } from '../localnet/orderings.js'
import type { CheckResult } from '../scenario/checks.js'
import type { Stage } from '../scenario/scenario.js'
import { showResult, tableOf } from '../scenario/table.js'
import { demoSummary, runDemo } from './demo.js'
import { ledgerSummary, runLedgerDemo } from './ledger/demo.js'
import { transfersIn, USUAL_FOLLOWERS } from './ledger/options.js'
import { messagesOfEach } from './sending.js'

interface CommandOptions {
  readonly application: 'messages' | 'ledger'
  readonly ordering: OrderingName
  readonly clients: number
  readonly followers?: number
  readonly rate: number
  readonly duration: number
  readonly blockSize?: number
  readonly seed?: number
  readonly json?: true
}

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Runs a network and its clients as processes on this machine, then checks all that they promise.'
    )
    .addOption(
      new Option('--application <what>', 'what clients send: messages, or transfers between accounts')
        .choices(['messages', 'ledger'])
        .default('messages')
    )
    .addOption(
      new Option(
        '--ordering <what>',
        'ledger: who puts the transfers into order: a sequencer, miners or nobody'
      )
        .choices(ORDERINGS)
        .default('sequencer')
    )
    .option('--clients <n>', 'how many clients', wholeNumber(1, 200), 10)
    .option(
      '--followers <n>',
      `how many followers beside a sequencer or two miners, and with no order how many peers beside one; a sequencer's clients then connect to them alone (default: 0, ledger: ${USUAL_FOLLOWERS.sequencer}, with no order ${USUAL_FOLLOWERS.none})`,
      wholeNumber(0, 20)
    )
    .option('--rate <n>', 'messages or transfers a second of each client', positiveNumber, 1)
    .option('--seconds, --duration <s>', 'for how many seconds they send', wholeNumber(1, 86_400), 60)
    .option('--block-size <n>', 'messages in a block (default: 100)', wholeNumber(1, 1000))
    .option(
      '--seed <n>',
      'ledger: of all that is chosen at random (default: another one each time)',
      wholeNumber(0, 2 ** 32 - 1)
    )
    .option('--json', 'one JSON object on stdout')
    .action(demo)
}

async function demo(options: CommandOptions): Promise<void> {
  if (options.application === 'ledger') await demoOfLedger(options)
  else await demoOfMessages(options)
}

async function demoOfMessages(options: CommandOptions): Promise<void> {
  const { ordering, seed, followers = 0, blockSize = 100, json } = options
  if (ordering !== 'sequencer')
    throw new UsageError(
      `messages have an order: leave --ordering out, or show a ledger with --application ledger`
    )
  if (seed !== undefined)
    throw new UsageError('nothing is chosen at random where messages are sent; leave --seed out')
  const wishes = { ...options, followers, blockSize }
  if (messagesOfEach(wishes) === 0)
    throw new UsageError('--rate times --duration gives no message; raise one of them')
  const result = await runDemo(wishes, watch())
  show(result, demoSummary(result), json)
}

async function demoOfLedger(options: CommandOptions): Promise<void> {
  const {
    ordering,
    followers = USUAL_FOLLOWERS[ordering],
    blockSize,
    seed = randomInt(2 ** 32),
    json
  } = options
  if (blockSize !== undefined)
    throw new UsageError('blocks of a ledger are cut by time; leave --block-size out')
  if (ordering === 'none' && followers === 0)
    throw new UsageError('one peer alone has nobody to agree with; raise --followers')
  const wishes = { ...options, followers, seed }
  if (transfersIn(wishes) === 0)
    throw new UsageError('--clients times --rate times --duration gives no transfer; raise one of them')
  const result = await runLedgerDemo(wishes, watch())
  show(result, ledgerSummary(result), json)
}

function watch(): Omit<Stage, 'net'> {
  return { progress: progressOn(standardError), signal: stopController().signal }
}

/** People see the table also where a program reads the JSON. */
function show(
  result: { readonly checks: readonly CheckResult[] },
  summary: readonly string[],
  json: true | undefined
): void {
  if (json) printLine(...tableOf(result.checks, summary))
  showResult(result, summary, json)
}
