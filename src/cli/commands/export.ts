import type { Command } from 'commander'
import { encodeBlock } from '../../core/block.js'
import { toHex } from '../../core/bytes.js'
import { checkpointNote } from '../../core/checkpoint.js'
import { describeFault } from '../../core/fault.js'
import { formatProof } from '../../core/proof-file.js'
import type { Asker } from '../../node/asker.js'
import { type AskingOptions, asking, askingCommand } from '../asking.js'
import { encodeEvidenceFile } from '../evidence-file.js'
import { Failure, UsageError } from '../failure.js'
import { replaceFile } from '../files.js'
import { writeLog } from '../log-file.js'
import { type LogSource, targetOf, withLog } from '../log-source.js'
import { printJson, printLine } from '../output.js'
import { type Reference, reference } from '../reference.js'
import { verifiedBlocks } from '../verify-log.js'

interface ExportOptions extends AskingOptions {
  readonly from?: string
  readonly proof?: Reference
  readonly evidence?: true
}

export function exportCommand(): Command {
  return askingCommand('export')
    .description(
      'Writes the whole log to a file that needs nothing else to be verified; or a proof, or evidence.'
    )
    .argument('[file]', 'where it goes (default: standard output)')
    .option('--from <dir>', "a stopped peer's folder, in place of a peer that is asked")
    .option(
      '--proof <ref>',
      'of one message alone, by its position or its leaf: a C2SP tlog-proof',
      reference
    )
    .option('--evidence', "a piece of evidence of the sequencer's lies that the peer knows")
    .action(exportTo)
}

async function exportTo(file: string | undefined, options: ExportOptions): Promise<void> {
  const { from, proof, evidence, connect } = options
  if ([from, proof, evidence].filter(wish => wish !== undefined).length > 1)
    throw new UsageError('--from, --proof and --evidence go one at a time')
  if (proof !== undefined)
    return asking(options, async asker => write(file, options, await proofOf(asker, proof)))
  if (evidence === true) return asking(options, async asker => write(file, options, await evidenceOf(asker)))
  if (file === undefined && process.stdout.isTTY)
    throw new UsageError('a log is no text: name a file, or send standard output to one')
  const { network, data, key, swarmKey } = options
  await withLog(
    from === undefined ? { kind: 'peer', name: connect } : await targetOf(from),
    { network, data, ...(key && { askWith: key }), ...(swarmKey && { swarmKey }) },
    source => exportLog(source, file, options)
  )
}

/** Only what has been verified is written, and nothing where something does not hold. */
async function exportLog(
  source: LogSource,
  file: string | undefined,
  { json }: ExportOptions
): Promise<void> {
  let height = 0
  let size = 0
  async function* blocks(): AsyncIterable<Uint8Array> {
    for await (const read of verifiedBlocks(source)) {
      if ('fault' in read) throw new Failure(`nothing was exported: ${describeFault(read.fault)}`)
      height = read.block.signed.header.height
      size = read.block.signed.header.size
      yield encodeBlock(read.block)
    }
  }
  const bytes = await writeLog(file, source.rules.network.canonical, blocks())
  tell(file, { height, size, bytes }, `${height} blocks, ${size} messages, ${bytes} bytes`, json)
}

interface Exported {
  readonly content: string | Uint8Array
  readonly facts: Readonly<Record<string, unknown>>
  readonly sentence: string
}

async function write(file: string | undefined, { json }: ExportOptions, exported: Exported): Promise<void> {
  const { content, facts, sentence } = exported
  if (file === undefined) process.stdout.write(content)
  else await replaceFile(file, content)
  tell(file, facts, sentence, json)
}

function tell(
  file: string | undefined,
  facts: Readonly<Record<string, unknown>>,
  sentence: string,
  json: true | undefined
): void {
  // Standard output may be the export itself.
  if (json && file !== undefined) printJson({ file, ...facts })
  else printLine(file === undefined ? sentence : `wrote ${file}: ${sentence}`)
}

async function proofOf(asker: Asker, ref: Reference): Promise<Exported> {
  const { position, leaf, path, signed } = await asker.inclusion(
    'hash' in ref ? { leaf: ref.hash } : { position: ref.number }
  )
  const { header, id, envelope, checkpoint } = signed
  const note = checkpointNote(header, checkpoint)
  if (note === undefined)
    throw new Failure(
      "this sequencer's key is no Ed25519 key, so that it signs no checkpoints; there is no such proof"
    )
  const { envelopes } = await asker.blockAt(header.height)
  const message = envelopes[position - (header.size - header.count)]
  if (message === undefined) throw new Error('a block holds the messages whose inclusion was proved')
  return {
    content: formatProof({ position, path, message, header: envelope, checkpoint: note }),
    facts: { position, leaf: toHex(leaf), height: header.height, id: toHex(id), size: header.size },
    sentence: `the proof of message ${position} in the log of ${header.size} messages in block ${header.height}`
  }
}

async function evidenceOf(asker: Asker): Promise<Exported> {
  const [first] = await asker.evidence()
  if (first === undefined) throw new Failure('the peer knows no evidence against this sequencer')
  const { kind, id, height, detail, bytes } = first
  return {
    content: encodeEvidenceFile(bytes),
    facts: { kind, id: toHex(id), height, detail },
    sentence: detail
  }
}
