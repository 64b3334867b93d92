import { Command } from 'commander'
import { ledgerSectionOf } from '../../applications/ledger/section.js'
import { type SendOptions, sendOne, withSendOptions } from '../ask/send-one.js'
import { Failure } from '../failure.js'
import { readNetwork } from '../files/files.js'
import { account, units } from '../options.js'
import { printResult } from '../terminal/terminal.js'

interface TransferOptions extends SendOptions {
  readonly to: string
  readonly amount: string
  readonly fee?: string
}

export function transferCommand(): Command {
  const command = new Command('transfer')
    .description('Pays from the account of the own key, which signs here and never leaves.')
    .requiredOption('--to <account>', 'who is paid: the PeerId of a public key', account)
    .requiredOption('--amount <n>', 'how much, 1 or more', units)
    .option(
      '--fee <n>',
      "for the block's producer, on top (default: the least that the network takes)",
      units
    )
  return withSendOptions(command).action(transfer)
}

async function transfer(options: TransferOptions): Promise<void> {
  const { to, amount, fee, json } = options
  const { kind, document } = await readNetwork(options.network)
  const ledger = ledgerSectionOf(document.application)
  if (ledger === undefined)
    throw new Failure(
      'ERR_NOT_IN_NETWORK',
      `"${document.name}" keeps no ledger, so that nothing can be paid there`
    )
  const paid = fee ?? ledger.leastFee ?? '0'
  const { position, height } = await sendOne({ to, amount, fee: paid }, options)
  if (json) return
  const waits = kind === 'set' ? 'a peer says that it has it' : 'a peer says that it has it for a block'
  const where = position === undefined ? waits : `at position ${position}`
  const block = height === undefined ? '' : ` in block ${height}`
  printResult(`SUCCESS: ${amount} to ${to}, with a fee of ${paid}; ${where}${block}`)
}
