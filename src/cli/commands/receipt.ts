import { Command, InvalidArgumentError } from 'commander'
import { networkIn } from '../../chain/store.js'
import { isNamed, keptReceipt, type MessageNaming } from '../../client/kept-receipts.js'
import { type EnvelopeBytes, equal, hashFromHex, type PeerIdBytes, toHex } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import { decodeEnvelope } from '../../core/envelope.js'
import { hasCode } from '../../core/errors.js'
import { peerIdFromText, peerIdToString, signerOf, VerifierCache } from '../../core/keys.js'
import { decodeMessage, type Message } from '../../core/message.js'
import { type Network, sequencerOf } from '../../core/network.js'
import { type Receipt, type ReceiptEntry, readReceipt } from '../../core/receipt.js'
import { u64FromText } from '../../core/u64.js'
import { NotFound } from '../../query/query-errors.js'
import { SequencerQueries } from '../../query/sequencer-queries.js'
import { asking, oneOf, withConnection } from '../ask/asking.js'
import { Failure, UsageError } from '../failure.js'
import { exists, readNetwork } from '../files/files.js'
import { readIdentity } from '../files/key-files.js'
import { withReadOnly } from '../files/reading-folder.js'
import { encodeReceiptFile } from '../files/receipt-file.js'
import { expectWritable, writeContent } from '../files/written-files.js'
import { account, addresses, DEFAULTS } from '../options.js'
import { type SwarmKeyOption, withSwarmKeyOption } from '../peer/closed-network.js'
import { dateOf, sequenceToJson } from '../terminal/output.js'
import { printJson, printLine, printResult } from '../terminal/terminal.js'

interface ReceiptOptions extends SwarmKeyOption {
  readonly network: string
  readonly key: string
  readonly data: string
  readonly author?: string
  readonly connect?: readonly string[]
  readonly askWith?: string
  readonly out?: string
  readonly force?: true
  readonly json?: true
}

export function receiptCommand(): Command {
  const command = new Command('receipt')
    .description(
      "The signed receipt of a message: the sequencer's word on where it stands. Out of the client's folder, else of a peer that keeps it."
    )
    .argument(
      '<ref>',
      "the message's sequence, as its client counts, its position (position:60) or its leaf in hex",
      naming
    )
    .option('--out <file>', 'write it to a file, which `verify` takes')
    .option('--force', 'replace the file that is there; a key is never replaced')
    .option('--data <dir>', "the client's folder", 'data/client')
    .option(
      '--key <file>',
      "the client's key: whose message it is, where a peer is asked",
      DEFAULTS.clientKey
    )
    .option('--author <peerid>', 'whose message it is; a peer is asked', account)
    .option('--connect <address>', `the peer to ask (default: ${DEFAULTS.sequencer})`, addresses)
    .option('--network <file>', 'the network document', DEFAULTS.network)
    .option('--ask-with <file>', 'the key to ask a peer with that takes members only (default: a new one)')
  return withSwarmKeyOption(command).option('--json', 'one JSON object on stdout').action(showReceipt)
}

function naming(text: string): MessageNaming {
  const leaf = hashFromHex(text)
  if (leaf !== undefined) return { leaf }
  const [, position] = /^position:(\d{1,15})$/.exec(text) ?? []
  if (position !== undefined) return { position: Number(position) }
  const sequence = u64FromText(text)
  if (sequence !== undefined && sequence > 0n) return { sequence }
  throw new InvalidArgumentError(
    'It must be a sequence, such as 7, a position, such as position:60, or 64 hex digits.'
  )
}

async function showReceipt(ref: MessageNaming, options: ReceiptOptions): Promise<void> {
  const { out, force, json } = options
  const ifThere = force === true ? 'replace' : 'refuse'
  if (out !== undefined) await expectWritable(out, ifThere)
  const network = await readNetwork(options.network)
  if (network.kind === 'set' || network.sequencer === undefined)
    throw new UsageError(`"${network.document.name}" has no sequencer, and only a sequencer gives receipts`)
  const kept = options.author === undefined ? await keptIn(options.data, network, ref) : undefined
  const envelope = kept ?? (await askedFor(ref, network, options))
  const { receipt, entry } = checked(envelope, ref, network, kept === undefined ? 'the peer' : options.data)
  if (out !== undefined) await writeContent(out, ifThere, encodeReceiptFile(envelope))
  const author = peerIdToString(receipt.author)
  const leaf = toHex(entry.leaf)
  const facts = {
    ...(out !== undefined && { file: out }),
    author,
    sequence: sequenceToJson(entry.sequence),
    position: entry.position,
    leaf,
    time: receipt.time,
    messages: receipt.entries.length,
    receipt: toHex(envelope)
  }
  if (json) return printJson(facts)
  printResult(
    `message ${entry.sequence} of ${author} is at position ${entry.position}: the sequencer has signed that on ${dateOf(receipt.time)}`,
    `leaf      ${leaf}`,
    ...(receipt.entries.length > 1 ? [`with it   ${receipt.entries.length - 1} more of the same author`] : [])
  )
  if (out !== undefined)
    printLine(`SUCCESS: wrote ${out}; anyone can check it with: tallystick verify ${out}`)
}

/** Of a client that does not run; undefined where it is not there. */
async function keptIn(
  folder: string,
  network: Network,
  ref: MessageNaming
): Promise<EnvelopeBytes | undefined> {
  if (!(await exists(folder))) return undefined
  try {
    return await withReadOnly(folder, async database => {
      const document = await networkIn(database)
      if (document !== undefined && !equal(document, network.canonical))
        throw new Failure(
          'ERR_OTHER_NETWORK',
          `${folder} is of another network than "${network.document.name}"; name the client's own with --data DIR, or the network document with --network FILE`
        )
      return keptReceipt(database, ref)
    })
  } catch (error) {
    if (!hasCode(error, 'ERR_FOLDER_IN_USE')) throw error
    printLine(`${folder} is in use by a client that runs, so that a peer is asked`)
    return undefined
  }
}

async function askedFor(
  ref: MessageNaming,
  network: Network,
  options: ReceiptOptions
): Promise<EnvelopeBytes> {
  const { author, sequence } =
    'sequence' in ref
      ? { author: await authorOf(options), sequence: ref.sequence }
      : await messageAt(ref, options)
  try {
    return await withConnection(oneOf(connecting(options)), network, async ({ host, peer }) => {
      const { envelope } = await new SequencerQueries(host, peer, network).signedReceipt(author, sequence)
      return envelope
    })
  } catch (error) {
    if (!(error instanceof NotFound)) throw error
    throw new NotFound(
      `message ${sequence} of ${peerIdToString(author)} has no receipt in ${options.data}, and the peer that was asked has none either (the sequencer keeps them all): ${error.message}`
    )
  }
}

async function authorOf({ author, key, data }: ReceiptOptions): Promise<PeerIdBytes> {
  if (author !== undefined) return peerIdFromText(author)
  if (await exists(key)) return signerOf(await readIdentity(key)).peerId
  throw new Failure(
    'ERR_KEY_MISSING',
    `no receipt of that message is in ${data}, and there is no key at ${key} that tells whose it is; name the client's folder with --data DIR, or the author with --author PEERID`
  )
}

/** In a block, which is verified. */
async function messageAt(
  ref: Exclude<MessageNaming, { readonly sequence: bigint }>,
  options: ReceiptOptions
): Promise<Pick<Message, 'author' | 'sequence'>> {
  let found: Message | undefined
  const { network } = options
  await asking({ ...connecting(options), network, data: 'data/tool' }, async asker => {
    const { position, signed } = await asker.inclusion(ref)
    const block = await asker.blockAt(signed.header.height)
    const { size, count } = block.signed.header
    const envelope = block.envelopes[position - (size - count)]
    found = envelope && decodeMessage(decodeEnvelope(envelope).payload)
  })
  if (found === undefined) throw new Error('a block holds the messages whose inclusion was proved')
  return found
}

function connecting({ connect, askWith, swarmKey }: ReceiptOptions): Connecting {
  return { ...(connect && { connect }), ...(askWith && { key: askWith }), ...(swarmKey && { swarmKey }) }
}

interface Connecting extends SwarmKeyOption {
  readonly connect?: readonly string[]
  readonly key?: string
}

function checked(
  envelope: EnvelopeBytes,
  ref: MessageNaming,
  network: Network,
  where: string
): { readonly receipt: Receipt; readonly entry: ReceiptEntry } {
  try {
    const receipt = readReceipt(envelope, network.id, sequencerOf(network), new VerifierCache())
    const entry = receipt.entries.find(each => isNamed(ref, each))
    if (entry !== undefined) return { receipt, entry }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new Failure('ERR_NOT_VALID', `the receipt that ${where} has does not hold: ${error.message}`, {
      cause: error
    })
  }
  throw new Failure(
    'ERR_NOT_VALID',
    `the receipt that ${where} has does not name the message where it stands in the log; get it with its sequence, and hold it against: tallystick proof`
  )
}
