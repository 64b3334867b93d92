import { Argument, type Command } from 'commander'
import { ledgerSectionOf } from '../../applications/ledger/section.js'
import type { PeerIdBytes } from '../../core/bytes.js'
import { peerIdFromText, signerOf } from '../../core/keys.js'
import { type AskingOptions, askingCommand } from '../ask/asking.js'
import { knowledgeOf, withSource } from '../ask/by-kind.js'
import type { Knowledge } from '../ask/knowledge.js'
import { peersTarget, targetOf } from '../ask/target.js'
import { Failure, UsageError } from '../failure.js'
import { exists, readNetwork } from '../files/files.js'
import { readIdentity } from '../files/key-files.js'
import { account, DEFAULTS, wholeNumber } from '../options.js'
import { show } from '../terminal/terminal.js'

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
  const knowledge = await ledgerKnowledge(options)
  show(await knowledge.account(id, height), json)
}

async function showAccounts({ height, ...options }: AccountOptions): Promise<void> {
  const knowledge = await ledgerKnowledge(options)
  show(await knowledge.accounts(height), options.json)
}

/** Throws Failure where there is no ledger. */
async function ledgerKnowledge(options: AccountOptions): Promise<Knowledge> {
  const network = await readNetwork(options.network)
  // Any peer of it would say `not served`, and that sounds as if another one knew.
  if (ledgerSectionOf(network.document.application) === undefined)
    throw new Failure(
      'ERR_NOT_IN_NETWORK',
      `"${network.document.name}" keeps no ledger, so that there are no accounts`
    )
  return knowledgeOf(network, options)
}

/** Verifies all of it: blocks from the first one on, or the whole set where there are no blocks. */
async function showHistory(id: PeerIdBytes, options: AccountOptions): Promise<void> {
  const { connect, from, network, data, key, swarmKey, json } = options
  const target = from === undefined ? peersTarget(connect) : await targetOf(from)
  const opening = { network, data, ...(key && { askWith: key }), ...(swarmKey && { swarmKey }) }
  await withSource(target, opening, source =>
    source.history(id, ({ facts, sentence }) => show({ facts, lines: [sentence] }, json))
  )
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
