import { Command } from 'commander'
import { peerIdFromText } from '../../core/keys.js'
import type { Network } from '../../core/network.js'
import type { OpeningKey } from '../../core/sealing.js'
import { withSource } from '../ask/by-kind.js'
import { type MessageRange, messageRange } from '../ask/message-range.js'
import { peersTarget, type SourceOptions, targetOf } from '../ask/target.js'
import { UsageError } from '../failure.js'
import { readEncryptionKeys } from '../files/key-files.js'
import { addresses, DEFAULTS, peerIds } from '../options.js'
import { withSwarmKeyOption } from '../peer/closed-network.js'
import { stopController } from '../peer/run-peer.js'
import { MessagePrinter } from '../terminal/message-printer.js'
import { printLine } from '../terminal/terminal.js'

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
  const isFollowing = follow === true
  const stopping = isFollowing ? stopController({ printsOnly: true }).signal : new AbortController().signal
  await withSource(target, options, async source => {
    const printer = printerFor(source.network, keys, options)
    const what = await source.read({ ...(range && { range }), isFollowing, stopping }, printer)
    conclude(printer, what, options)
  })
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
