import { randomInt } from 'node:crypto'
import { Command } from 'commander'
import { positiveNumber, wholeNumber } from '#src/cli/options.js'
import { stopController } from '#src/cli/peer/run-peer.js'
import { progressOn, quiet } from '#src/cli/terminal/progress.js'
import { standardError } from '#src/cli/terminal/terminal.js'
import { showResult } from '../scenario/table.js'
import { runSoak, type SoakOptions, type SoakResult } from './soak.js'

interface CommandOptions extends Omit<SoakOptions, 'seed'> {
  readonly seed?: number
  readonly json?: true
}

export function soakCommand(): Command {
  return new Command('soak')
    .description(
      'Runs a sequencer, followers and clients as processes on this machine, stops and kills them at random, and checks at the end that nothing was lost.'
    )
    .option('--minutes <m>', 'for how long they come and go', positiveNumber, 10)
    .option(
      '--seed <n>',
      'of all that is random (default: another one each time)',
      wholeNumber(0, 2 ** 32 - 1)
    )
    .option('--clients <n>', 'how many clients at first', wholeNumber(1, 50), 6)
    .option('--followers <n>', 'how many followers at first', wholeNumber(1, 20), 3)
    .option('--rate <n>', 'messages a second of each client', positiveNumber, 20)
    .option('--block-size <n>', 'messages in a block', wholeNumber(1, 1000), 100)
    .option('--json', 'one JSON object on stdout, and nothing else')
    .action(soak)
}

async function soak({ json, seed = randomInt(2 ** 32), ...options }: CommandOptions): Promise<void> {
  const watch = { progress: json ? quiet : progressOn(standardError), signal: stopController().signal }
  const result = await runSoak({ ...options, seed }, watch)
  showResult(result, summaryOf(result), json)
}

function summaryOf({
  seed,
  minutes,
  accepted,
  blocks,
  killed,
  stopped,
  joined,
  memory
}: SoakResult): string[] {
  const told = (counts: SoakResult['killed']): string =>
    `${counts.sequencer} sequencer, ${counts.follower} followers, ${counts.client} clients`
  const mb = (who: keyof SoakResult['memory']): string =>
    memory[who].quarters.map(quarter => quarter ?? '?').join(', ')
  return [
    `${minutes} minutes with seed ${seed}: ${accepted} messages accepted, ${blocks} blocks`,
    `killed: ${told(killed)}; stopped: ${told(stopped)}; joined: ${told(joined)}`,
    `memory by quarter, MB: sequencer ${mb('sequencer')}; a follower ${mb('follower')}`
  ]
}
