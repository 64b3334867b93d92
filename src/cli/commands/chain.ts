import type { Command } from 'commander'
import type { CheckpointedHeader } from '../../core/block.js'
import { toHex } from '../../core/bytes.js'
import { type AskingOptions, asking, askingCommand } from '../ask/asking.js'
import { wholeNumber } from '../options.js'
import { dateOf, headerToJson } from '../terminal/output.js'
import { printJson, printLine, printResult } from '../terminal/terminal.js'

interface ChainOptions extends AskingOptions {
  readonly from: number
  readonly limit: number
}

export function chainCommand(): Command {
  return askingCommand('chain')
    .description('The blocks of a chain, one a line, each verified as the child of the one before.')
    .option('--from <height>', 'where to begin', wholeNumber(0), 0)
    .option('--limit <n>', 'how many at most', wholeNumber(1), 100)
    .action((options: ChainOptions) =>
      asking(options, async asker => {
        let shown = 0
        for await (const signed of asker.headers(options.from, options.limit)) {
          show(signed, options)
          shown += 1
        }
        if (!options.json) printLine(`VALID: ${shown} blocks shown, each the child of the one before it`)
      })
    )
}

function show(signed: CheckpointedHeader, { json }: ChainOptions): void {
  if (json) printJson(headerToJson(signed))
  else printResult(`${line(signed)}`)
}

function line({ header: { height, time, count, size }, id }: CheckpointedHeader): string {
  return `${String(height).padStart(8)}  ${toHex(id)}  ${dateOf(time)}  ${count} messages, ${size} in all`
}
