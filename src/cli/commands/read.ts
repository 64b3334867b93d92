import { Command } from 'commander'
import { toHex } from '../../core/bytes.js'
import { describeFault } from '../../core/fault.js'
import { peerIdFromText } from '../../core/keys.js'
import type { Network } from '../../core/network.js'
import type { OpeningKey } from '../../core/sealing.js'
import { type LogSource, peersTarget, type SourceOptions, targetOf, withLog } from '../ask/log-source.js'
import { describeRange, type MessageRange, messageRange, WHOLE_LOG } from '../ask/message-range.js'
import { readPeer } from '../ask/read-peer.js'
import { type SetSource, withSet } from '../ask/set-source.js'
import { verifiedBlocks, verifiedPending } from '../ask/verify-log.js'
import { SetAudit } from '../ask/verify-set.js'
import { Failure, UsageError } from '../failure.js'
import { readNetwork } from '../files/files.js'
import { readEncryptionKeys } from '../files/key-files.js'
import { addresses, DEFAULTS, peerIds } from '../options.js'
import { withSwarmKeyOption } from '../peer/closed-network.js'
import { stopController } from '../peer/run-peer.js'
import { isMeant, MessagePrinter } from '../terminal/message-printer.js'
import { printLine, standardOutput } from '../terminal/terminal.js'

interface ReadOptions extends SourceOptions {
  readonly connect?: readonly string[]
  readonly from?: string
  readonly key?: string
  readonly author?: readonly string[]
  readonly follow?: true
  readonly json?: true
}

export function readCommand(): Command {
  const command = new Command('read')
    .description(
      'Prints messages in their order, each verified before: position, time and author as the message says them, and body. Sealed ones are opened with the encryption keys of the sequencer.'
    )
    .argument(
      '[ref]',
      'a position (60), a range of them with both ends (10..20, 10.., ..20), a block (block:7) or a leaf in hex (default: all messages, and with --follow those that come from now on)',
      messageRange
    )
    .option('--key <file>', "the sequencer's encryption keys, which open sealed messages")
    .option('--author <peerid>', 'messages of this author alone; repeatable', peerIds)
    .option('--follow', 'go on with the messages of new blocks as they come')
    .option('--from <log>', "a stopped peer's folder, or a file that `export` wrote, in place of a peer")
    .option(
      '--connect <address>',
      `the peer to ask; among equals repeatable: the heaviest of their chains counts (default: ${DEFAULTS.sequencer})`,
      addresses
    )
    .option('--network <file>', `the network document (default: ${DEFAULTS.network})`)
    .option('--data <dir>', 'where the head last seen is kept', 'data/tool')
    .option('--ask-with <file>', 'the key to ask a peer with that takes members only (default: a new one)')
  return withSwarmKeyOption(command).option('--json', 'one JSON object a line on stdout').action(read)
}

async function read(range: MessageRange | undefined, options: ReadOptions): Promise<void> {
  const { follow, from, connect } = options
  if (follow && range?.kind === 'leaf')
    throw new UsageError('--follow goes with positions and blocks; leave it out where one message is named')
  const target = from === undefined ? peersTarget(connect) : await targetOf(from)
  if (follow && target.kind !== 'peer')
    throw new UsageError(
      `${target.name} does not grow; --follow is for a peer that runs, named with --connect`
    )
  const keys = options.key === undefined ? [] : await readEncryptionKeys(options.key)
  if (await withSet(target, options, source => readSet(source, range, keys, options))) return
  if (target.kind === 'peer') return readFromPeer(target.connect, range, keys, options)
  await withLog(target, options, source => readLog(source, range ?? WHOLE_LOG, keys, options))
}

async function readFromPeer(
  connect: readonly string[],
  range: MessageRange | undefined,
  keys: readonly OpeningKey[],
  options: ReadOptions
): Promise<void> {
  const { network = DEFAULTS.network, data, askWith, swarmKey, json, follow } = options
  const asked = { network, connect, data, ...(askWith && { key: askWith }), ...(swarmKey && { swarmKey }) }
  const isFollowing = follow === true
  const stopping = isFollowing ? stopController({ printsOnly: true }).signal : new AbortController().signal
  const printer = printerFor(await readNetwork(network), keys, options)
  const reading = { ...(range && { range }), isFollowing, stopping }
  const end = await readPeer({ ...asked, ...(json && { json }) }, reading, printer)
  const { height, size, pending } = end
  const waiting = pending === undefined ? '' : `; messages waiting for a block, as the peer says: ${pending}`
  conclude(printer, `the log has ${size} messages in ${height} blocks${waiting}`, options)
}

/** Of a folder or a file, which is verified from its beginning. */
async function readLog(
  source: LogSource,
  range: MessageRange,
  keys: readonly OpeningKey[],
  options: ReadOptions
): Promise<void> {
  const printer = printerFor(source.rules.network, keys, options)
  let meant = 0
  let size = 0
  let height = 0
  for await (const read of verifiedBlocks(source, standardOutput.isTTY || range !== WHOLE_LOG)) {
    if ('fault' in read) throw new Failure('ERR_NOT_VALID', `the log ends here: ${describeFault(read.fault)}`)
    size = read.block.signed.header.size
    height = read.block.signed.header.height
    meant += await printer.block(read.block, range)
    if (isOver(range, size, height, meant)) break
  }
  if (!isOver(range, size, height, meant))
    for await (const { envelope, position } of verifiedPending(source)) {
      if (!isMeant(range, position, undefined, envelope)) continue
      meant += 1
      await printer.message(envelope, { position, height: undefined })
    }
  const isOne = range.kind !== 'positions' || range.first === range.last
  if (isOne && meant === 0 && !(range.kind === 'block' && range.height <= height))
    throw new Failure(
      'ERR_NOT_FOUND',
      `${describeRange(range)} is not there: the log has ${height} blocks with ${size} messages`
    )
  conclude(printer, `verified up to block ${height}, with ${size} messages up to there`, options)
}

function isOver(range: MessageRange, size: number, height: number, meant: number): boolean {
  switch (range.kind) {
    case 'positions':
      return range.last !== undefined && range.last < size
    case 'block':
      return range.height <= height
    case 'leaf':
      return meant > 0
  }
}

/** Where there is no order. */
async function readSet(
  source: SetSource,
  range: MessageRange | undefined,
  keys: readonly OpeningKey[],
  options: ReadOptions
): Promise<void> {
  const { name } = source.network.document
  if (range !== undefined && range.kind !== 'leaf')
    throw new UsageError(`"${name}" has no order, and so no positions and no blocks; name none, or a leaf`)
  if (options.follow) throw new UsageError(`"${name}" has no order, so that nothing follows; read it again`)
  const audit = new SetAudit(source)
  const printer = printerFor(source.network, keys, options)
  for await (const read of audit.verified(standardOutput.isTTY)) {
    if ('fault' in read) throw new Failure('ERR_NOT_VALID', `the set ends here: ${describeFault(read.fault)}`)
    const { envelope } = read
    if (range !== undefined && !isMeant(range, 0, undefined, envelope)) continue
    await printer.message(envelope, { position: undefined, height: undefined })
  }
  if (range !== undefined && printer.printed === 0)
    throw new Failure('ERR_NOT_FOUND', `${describeRange(range)} is not there`)
  const { size } = audit.transfers
  conclude(printer, `${size} transfers, in no order, with digest ${toHex(audit.transfers.digest())}`, options)
}

function printerFor(
  { document }: Network,
  keys: readonly OpeningKey[],
  { author, json }: ReadOptions
): MessagePrinter {
  return new MessagePrinter({
    application: document.application,
    keys,
    authors: author?.map(peerIdFromText),
    json: json === true
  })
}

/** For people, beside the result. */
function conclude(printer: MessagePrinter, what: string, { json }: ReadOptions): void {
  if (json) return
  const { printed, lockedNote } = printer
  printLine(`VALID: ${printed} message${printed === 1 ? '' : 's'} shown; ${what}`)
  if (lockedNote !== undefined) printLine(lockedNote)
}
