import { Command } from 'commander'
import { UsageError } from '../cli/failure.js'
import { positiveNumber, wholeNumber } from '../cli/options.js'
import { printJson, printLine } from '../cli/output.js'
import { progressOn } from '../cli/progress.js'
import { stopController } from '../cli/run-peer.js'
import { runDemo } from './demo.js'
import { type DemoOptions, messagesOfEach } from './sending.js'
import { demoTable } from './table.js'

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Runs a sequencer, its clients and followers as processes on this machine, then checks all that they promise.'
    )
    .option('--clients <n>', 'how many clients', wholeNumber(1, 200), 10)
    .option(
      '--followers <n>',
      'how many followers; clients then connect to them alone',
      wholeNumber(0, 20),
      0
    )
    .option('--rate <n>', 'messages a second of each client', positiveNumber, 1)
    .option('--duration <s>', 'for how many seconds they send', wholeNumber(1, 86_400), 60)
    .option('--block-size <n>', 'messages in a block', wholeNumber(1, 1000), 100)
    .option('--json', 'one JSON object on stdout')
    .action(demo)
}

async function demo(options: DemoOptions & { readonly json?: true }): Promise<void> {
  if (messagesOfEach(options) === 0)
    throw new UsageError('--rate times --duration gives no message; raise one of them')
  const stopping = stopController().signal
  const result = await runDemo(options, progressOn(process.stderr), stopping)
  if (options.json) {
    printLine(demoTable(result))
    const checks = result.checks.map(({ name, ok, detail }) => ({ name, ok, detail }))
    printJson({ ...result, checks })
  } else process.stdout.write(`${demoTable(result)}\n`)
  if (result.checks.some(({ ok }) => !ok)) process.exitCode = 1
}
