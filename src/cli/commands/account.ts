import { Argument, type Command } from 'commander'
import { ledgerSectionOf } from '../../applications/ledger/section.js'
import type { CheckpointedHeader } from '../../core/block.js'
import { type PeerIdBytes, toHex } from '../../core/bytes.js'
import { peerIdFromText, peerIdToString, signerOf } from '../../core/keys.js'
import type { SetNetwork } from '../../core/network.js'
import { type AskingOptions, asking, askingCommand } from '../ask/asking.js'
import { askingSet } from '../ask/asking-set.js'
import { Failure, UsageError } from '../failure.js'
import { exists, readNetwork } from '../files/files.js'
import { readIdentity } from '../files/key-files.js'
import { account, DEFAULTS, wholeNumber } from '../options.js'
import { sequenceToJson } from '../terminal/output.js'
import { printJson, printResult } from '../terminal/terminal.js'
import { showHistory } from './account-history.js'

/** The commands that ask what accounts have, and print what has been proved. */

interface AccountOptions extends AskingOptions {
  readonly height?: number
  readonly history?: true
  readonly from?: string
}

export function accountCommand(): Command {
  return askingCommand('account')
    .description(
      'What an account has, as the state of a verified header proves it, or all that changed it; without an order, as a peer says, or all its verified transfers.'
    )
    .addArgument(
      new Argument(
        '[account]',
        `the PeerId of its public key (default: that of --key, or of ${DEFAULTS.clientKey})`
      ).argParser(account)
    )
    .option(
      '--height <n>',
      'after this block, where the peer still has it (default: its head)',
      wholeNumber(0)
    )
    .option(
      '--history',
      'all that changed it, block by block, all of them verified; without an order, all its transfers'
    )
    .option('--from <log>', "with --history: a file that `export` wrote, or a stopped peer's folder")
    .action(showAccount)
}

export function accountsCommand(): Command {
  return askingCommand('accounts')
    .description('What all accounts have: together they give the state of a verified header.')
    .option(
      '--height <n>',
      'after this block, where the peer still has it (default: its head)',
      wholeNumber(0)
    )
    .action(showAccounts)
}

async function showAccount(name: string | undefined, options: AccountOptions): Promise<void> {
  const { height, history, from, json } = options
  if (from !== undefined && history !== true) throw new UsageError('--from goes with --history alone')
  if (height !== undefined && history === true) throw new UsageError('--height does not go with --history')
  const id = await accountOf(name, options)
  if (history === true) return showHistory(id, options)
  const set = await setOf(options)
  if (set !== undefined) return showBalance(id, options, set)
  await asking(options, async asker => {
    const { signed, account } = await asker.account(id, height)
    const shown = {
      account: peerIdToString(id),
      balance: String(account.balance),
      sequence: sequenceToJson(account.sequence),
      ...placeOf(signed)
    }
    if (json) return printJson(shown)
    printResult(
      `account   ${shown.account}`,
      `balance   ${shown.balance}`,
      `sequence  ${shown.sequence}: its next transfer has number ${account.sequence + 1n}`,
      `block     ${shown.height}, id ${shown.id}, whose state proves it`
    )
  })
}

async function showAccounts({ height, ...options }: AccountOptions): Promise<void> {
  const set = await setOf({ ...options, ...(height !== undefined && { height }) })
  if (set !== undefined) return showBalances(options, set)
  await asking(options, async asker => {
    const { signed, accounts } = await asker.accounts(height)
    const listed = accounts.map(({ id, balance, sequence }) => ({
      account: peerIdToString(id),
      balance: String(balance),
      sequence: sequenceToJson(sequence)
    }))
    const supply = String(accounts.reduce((sum, { balance }) => sum + balance, 0n))
    const place = placeOf(signed)
    if (options.json) return printJson({ ...place, supply, accounts: listed })
    for (const { account, balance, sequence } of listed)
      printResult(`${balance.padStart(20)}  ${account}  ${sequence} sent`)
    printResult(
      `${supply.padStart(20)}  on ${listed.length} accounts, which give the state of block ${place.height}, id ${place.id}`
    )
  })
}

/** The network where it has no order. Throws UsageError where blocks are asked for then, Failure where there is no ledger. */
async function setOf({ network, height }: AccountOptions): Promise<SetNetwork | undefined> {
  const read = await readNetwork(network)
  // Any peer of it would say `not served`, and that sounds as if another one knew.
  if (ledgerSectionOf(read.document.application) === undefined)
    throw new Failure(
      'ERR_NOT_IN_NETWORK',
      `"${read.document.name}" keeps no ledger, so that there are no accounts`
    )
  if (read.kind === 'chain') return undefined
  if (height === undefined) return read
  throw new UsageError(`"${read.document.name}" has no order, and so no blocks: leave --height out`)
}

function showBalance(id: PeerIdBytes, options: AccountOptions, set: SetNetwork): Promise<void> {
  return askingSet(options, set, async asker => {
    const shown = { account: peerIdToString(id), balance: String(await asker.balance(id)) }
    if (options.json) return printJson(shown)
    printResult(`account   ${shown.account}`, `balance   ${shown.balance}`)
  })
}

function showBalances(options: AccountOptions, set: SetNetwork): Promise<void> {
  return askingSet(options, set, async asker => {
    const balances = await asker.balances()
    const listed = balances
      .map(({ id, balance }) => ({ account: peerIdToString(id), balance: String(balance) }))
      .sort((one, other) => (one.account < other.account ? -1 : 1))
    const supply = String(balances.reduce((sum, { balance }) => sum + balance, 0n))
    if (options.json) return printJson({ supply, accounts: listed })
    for (const { account, balance } of listed) printResult(`${balance.padStart(20)}  ${account}`)
    printResult(`${supply.padStart(20)}  on ${listed.length} accounts`)
  })
}

function placeOf({ header: { height, state }, id }: CheckpointedHeader): Place {
  return { height, id: toHex(id), state: toHex(state) }
}

interface Place {
  readonly height: number
  readonly id: string
  readonly state: string
}

async function accountOf(name: string | undefined, { key }: AccountOptions): Promise<PeerIdBytes> {
  if (name !== undefined) return peerIdFromText(name)
  const file = key ?? DEFAULTS.clientKey
  if (!(await exists(file)))
    throw new UsageError(
      `there is no key at ${file}; name an account by its PeerId, or a key file with --key FILE`
    )
  return signerOf(await readIdentity(file)).peerId
}
