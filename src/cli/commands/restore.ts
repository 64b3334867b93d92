import { rename, rm, rmdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { nameIn } from '../../chain/candidate.js'
import { Chain } from '../../chain/chain.js'
import { ReceiptIssuer } from '../../chain/receipts.js'
import { SequencerMark } from '../../chain/signed-mark.js'
import { type Database, envelopesBetween, writeDurably } from '../../chain/store.js'
import { type EnvelopeBytes, equal } from '../../core/bytes.js'
import { systemCode } from '../../core/errors.js'
import { describeFault } from '../../core/fault.js'
import { peerIdToString, type Signer, signerOf } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import { leafHash } from '../../core/merkle.js'
import { type ChainNetwork, sequencerOf } from '../../core/network.js'
import { ChainAudit, type Log } from '../ask/chain-audit.js'
import { withLog } from '../ask/chain-source.js'
import { peersTarget, targetOf } from '../ask/target.js'
import { Failure, UsageError } from '../failure.js'
import { openDatabase, readOrderedNetwork } from '../files/files.js'
import { claimFolder, foreignIn } from '../files/folder-owner.js'
import { readIdentity } from '../files/key-files.js'
import { syncFolder, withMark } from '../files/marks.js'
import { address, DEFAULTS } from '../options.js'
import { type SwarmKeyOption, withSwarmKeyOption } from '../peer/closed-network.js'
import { printJson, printLine, printResult } from '../terminal/terminal.js'

interface RestoreOptions extends SwarmKeyOption {
  readonly network: string
  readonly connect?: string
  readonly from?: string
  readonly key: string
  readonly marks?: string
  readonly data: string
  readonly askWith?: string
  readonly json?: true
}

export function restoreCommand(): Command {
  return withSwarmKeyOption(new Command('restore'))
    .description(
      'Makes the data folder of a sequencer anew: its blocks from a follower, all verified, and the messages that are in no block from what is kept beside its key.'
    )
    .option('--connect <address>', 'a follower', address)
    .option('--from <log>', "a stopped follower's folder, or a file that `export` wrote, in place of a peer")
    .option('--network <file>', 'the network document', DEFAULTS.network)
    .option('--key <file>', "the sequencer's private key", 'keys/sequencer.key')
    .option('--marks <dir>', 'where it is kept what the key has signed (default: beside the key)')
    .option('--data <dir>', 'the folder to make, which is not there yet', 'data/sequencer')
    .option(
      '--ask-with <file>',
      'the key to ask with, where the follower takes members only (default: that of --key)'
    )
    .option('--json', 'one JSON object on stdout')
    .action(restore)
}

async function restore(options: RestoreOptions): Promise<void> {
  const { connect, from, data, json } = options
  if ((connect === undefined) === (from === undefined))
    throw new UsageError('name a follower with --connect ADDRESS, or else a folder or a file with --from LOG')
  const target =
    from === undefined ? peersTarget(connect === undefined ? [] : [connect]) : await targetOf(from)
  if (from !== undefined && target.kind === 'peer')
    throw new UsageError(`${from} is a peer: name it with --connect`)
  const network = await readOrderedNetwork(options.network)
  const signer = signerOf(await readIdentity(options.key))
  const sequencer = sequencerOf(network)
  if (!equal(signer.peerId, sequencer))
    throw new UsageError(
      `the key in ${options.key} is ${peerIdToString(signer.peerId)}, but the network document names ${peerIdToString(sequencer)} as sequencer; name its file with --key FILE`
    )
  const folder = resolve(data)
  await makeRoom(folder)
  const owner = { key: options.key, marks: options.marks, peerId: sequencer, network }
  await withMark(owner, SequencerMark.open, async mark => {
    const sources = {
      network: options.network,
      data: 'data/tool',
      // It has proved already that it is the sequencer's, whom every follower admits.
      askWith: options.askWith ?? options.key,
      ...(options.swarmKey && { swarmKey: options.swarmKey })
    }
    const made = await withLog(target, sources, log => makeFolder(folder, log, network, signer, mark))
    if (json) return printJson(made)
    printResult(
      `SUCCESS: ${data} has ${made.height} blocks, ${made.size} messages in them, and ${made.pending} in no block; start the sequencer on it`
    )
  })
}

interface Made {
  readonly height: number
  readonly size: number
  readonly pending: number
}

/**
 * The folder gets its name when it is whole and the mark covers it: a failure before that leaves no
 * folder; a crash leaves one that the next run of this command removes, and no start takes.
 */
async function makeFolder(
  folder: string,
  log: Log,
  network: ChainNetwork,
  signer: Signer,
  mark: SequencerMark
): Promise<Made> {
  const unfinished = `${folder}.restoring`
  const remove = (): Promise<void> => rm(unfinished, { recursive: true, force: true })
  await expectLeftOver(unfinished)
  await remove()
  try {
    await claimFolder(unfinished, { kind: 'sequencer', network, peerId: signer.peerId, mark: mark.name })
    const made = await filled(unfinished, log, signer, mark)
    await rename(unfinished, folder)
    await syncFolder(dirname(folder))
    return made
  } catch (error) {
    await remove()
    throw error
  }
}

async function filled(folder: string, log: Log, signer: Signer, mark: SequencerMark): Promise<Made> {
  const database = await openDatabase(folder)
  try {
    return await fill(database, log, signer, mark)
  } finally {
    await database.close()
  }
}

async function fill(database: Database, log: Log, signer: Signer, mark: SequencerMark): Promise<Made> {
  const chain = await Chain.open(database, log.rules)
  for await (const read of new ChainAudit(log).verified()) {
    if ('fault' in read)
      throw new Failure(
        'ERR_NOT_VALID',
        `what is shown does not hold: ${describeFault(read.fault)}; restore from another follower`
      )
    const imported = await chain.import(read.block, Number.POSITIVE_INFINITY)
    if (imported.kind !== 'extended')
      throw new Failure('ERR_NOT_VALID', `a block was not taken: ${imported.kind}`)
  }
  const head = chain.head()
  const { height, size } = head.header
  const pending: EnvelopeBytes[] = []
  for (let position = size; ; position += 1) {
    const envelope = mark.pendingAt(position)
    if (envelope === undefined) break
    pending.push(envelope)
  }
  const positions = size + pending.length
  const missing = mark.missingIn({ positions, height, idAt: at => chain.headerAt(at)?.id, pending: [] })
  if (missing !== undefined)
    throw new Failure(
      'ERR_OLD_FOLDER',
      `what was found is not all that this sequencer has signed: ${missing}; nothing was made. Restore from a follower that has more`
    )
  if (mark.last === undefined)
    printLine(
      'nothing is kept beside this key of what it has signed: receipts that it gave for messages in no block are not known, and such a position may be signed a second time'
    )
  for (let from = 0; from < size; from += LIMITS.journalBatch)
    await giveReceipts(
      database,
      await envelopesBetween(database, from, Math.min(size, from + LIMITS.journalBatch)),
      from,
      log,
      signer
    )
  for (let from = 0; from < pending.length; from += LIMITS.journalBatch)
    await giveReceipts(database, pending.slice(from, from + LIMITS.journalBatch), size + from, log, signer)
  const signed = { positions, height, id: height === 0 ? new Uint8Array(0) : head.id }
  await mark.adopt(signed, size, [])
  return { height, size, pending: pending.length }
}

/** Throws Failure where other files stand under the name that an unfinished folder has. */
async function expectLeftOver(unfinished: string): Promise<void> {
  const foreign = await foreignIn(unfinished)
  if (foreign === undefined) return
  throw new Failure(
    'ERR_OTHER_FOLDER',
    `${unfinished} is where the folder is made, and holds what this program did not write (${foreign}); it was left as it is: move it away, or name another place with --data DIR`
  )
}

/** Receipts of the same facts as those that were given; their time is that of now. */
async function giveReceipts(
  database: Database,
  envelopes: readonly EnvelopeBytes[],
  from: number,
  { rules }: Log,
  signer: Signer
): Promise<void> {
  const entries = envelopes.map((envelope, index) => ({
    ...nameIn(envelope),
    envelope,
    leaf: leafHash(envelope),
    position: from + index
  }))
  const issuer = new ReceiptIssuer({ network: rules.network.id, signer, now: () => Date.now() })
  await writeDurably(database, issuer.issue(entries).writes)
}

/** Before anything is fetched. An empty folder is in the way of a rename where it is a mount or a link. */
async function makeRoom(folder: string): Promise<void> {
  try {
    await rmdir(folder)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return
    const isThere = code === 'ENOTEMPTY' || code === 'EEXIST'
    throw new Failure(
      'ERR_EXISTS',
      isThere
        ? `${folder} is there already; move it away, or name a folder that is not there with --data DIR`
        : `${folder} cannot be replaced by a new folder (${code}); name one that is not there with --data DIR`
    )
  }
}
