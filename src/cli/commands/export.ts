import type { Command } from 'commander'
import { toHex } from '../../core/bytes.js'
import { checkpointNote } from '../../core/checkpoint.js'
import { VerifierCache } from '../../core/keys.js'
import { formatProof } from '../../core/proof-file.js'
import type { BlockQueries } from '../../query/block-queries.js'
import { SequencerQueries } from '../../query/sequencer-queries.js'
import { sortEvidence } from '../../validation/evidence-check.js'
import { type AskingOptions, asking, askingCommand, oneOf, withConnection } from '../ask/asking.js'
import { withSource } from '../ask/by-kind.js'
import { type Reference, reference } from '../ask/reference.js'
import type { Told } from '../ask/source.js'
import { evidenceIn, peersTarget, targetOf } from '../ask/target.js'
import { Failure, UsageError } from '../failure.js'
import { encodeEvidenceFile } from '../files/evidence-file.js'
import { readNetwork } from '../files/files.js'
import type { Destination } from '../files/frame-file.js'
import { expectWritable, writeContent } from '../files/written-files.js'
import { printJson, printLine, standardOutput, writeFileContent } from '../terminal/terminal.js'

interface ExportOptions extends AskingOptions {
  readonly from?: string
  readonly proof?: Reference
  readonly evidence?: true
  readonly force?: true
}

export function exportCommand(): Command {
  return askingCommand('export')
    .description(
      'Writes the whole log, or set of transfers, to a file that needs nothing else to be verified; or a proof, or evidence.'
    )
    .argument('[file]', 'where it goes (default: standard output)')
    .option('--from <dir>', "a stopped peer's folder, in place of a peer that is asked")
    .option(
      '--proof <ref>',
      'of one message alone, by its position or its leaf: a C2SP tlog-proof',
      reference
    )
    .option('--evidence', "a piece of evidence of the sequencer's lies that the peer, or the folder, holds")
    .option('--force', 'replace the file that is there; a key is never replaced')
    .action(exportTo)
}

async function exportTo(file: string | undefined, options: ExportOptions): Promise<void> {
  const { from, proof, evidence, connect } = options
  if (proof !== undefined && (from !== undefined || evidence === true))
    throw new UsageError('--proof goes with neither --from nor --evidence')
  const to: Destination = { path: file, ifThere: options.force === true ? 'replace' : 'refuse' }
  if (file !== undefined) await expectWritable(file, to.ifThere)
  if (proof !== undefined)
    return asking(options, async asker => write(to, options, await proofOf(asker, proof)))
  if (file === undefined && standardOutput.isTTY)
    throw new UsageError('what is exported is no text: name a file, or send standard output to one')
  if (evidence === true) return exportEvidence(to, options)
  const { network, data, key, swarmKey } = options
  const target = from === undefined ? peersTarget(connect) : await targetOf(from)
  const opening = { network, data, ...(key && { askWith: key }), ...(swarmKey && { swarmKey }) }
  const told = await withSource(target, opening, source => source.exportTo(to))
  tell(to, told, options)
}

interface Exported extends Told {
  readonly content: string | Uint8Array
}

async function write(to: Destination, options: ExportOptions, exported: Exported): Promise<void> {
  const { content } = exported
  if (to.path === undefined) writeFileContent(content)
  else await writeContent(to.path, to.ifThere, content)
  tell(to, exported, options)
}

function tell({ path: file }: Destination, { facts, sentence }: Told, { json }: ExportOptions): void {
  // Standard output may be the export itself.
  if (json && file !== undefined) printJson({ file, ...facts })
  else printLine(file === undefined ? sentence : `SUCCESS: wrote ${file}: ${sentence}`)
}

async function proofOf(asker: BlockQueries, ref: Reference): Promise<Exported> {
  const { position, leaf, path, signed } = await asker.inclusion(
    'hash' in ref ? { leaf: ref.hash } : { position: ref.number }
  )
  const { header, id, envelope, checkpoint } = signed
  const note = checkpointNote(header, checkpoint)
  if (note === undefined)
    throw new Failure(
      'ERR_NOT_IN_NETWORK',
      asker.rules.ordering.sequencer === undefined
        ? 'a proof in a file needs a signed checkpoint, and this network has none; ask for the proof with: tallystick proof'
        : "this sequencer's key is no Ed25519 key, so that it signs no checkpoints; there is no such proof"
    )
  const { envelopes } = await asker.blockAt(header.height)
  const message = envelopes[position - (header.size - header.count)]
  if (message === undefined) throw new Error('a block holds the messages whose inclusion was proved')
  return {
    content: formatProof({ position, path, message, header: envelope, checkpoint: note }),
    facts: { position, leaf: toHex(leaf), height: header.height, id: toHex(id), size: header.size },
    sentence: `the proof of the message at position ${position} in the log of ${header.size} messages in block ${header.height}`
  }
}

/** Whatever head the peer shows: it may have stopped following. A stopped client's or follower's folder has some, too. */
async function exportEvidence(to: Destination, options: ExportOptions): Promise<void> {
  const network = await readNetwork(options.network)
  const { from } = options
  const shown = await (from === undefined
    ? withConnection(oneOf(options), network, ({ host, peer }) =>
        new SequencerQueries(host, peer, network).shownEvidence()
      )
    : evidenceIn(from))
  const { holding, faults } = await sortEvidence(shown, network, new VerifierCache())
  for (const fault of faults) printLine(`a piece of it proves nothing, and is left out: ${fault}`)
  const [first] = holding
  if (first === undefined)
    throw new Failure('ERR_NOT_FOUND', 'no evidence against this sequencer is known there')
  const { kind, id, height, detail, bytes } = first
  const facts = { kind, id: toHex(id), height, detail }
  await write(to, options, { content: encodeEvidenceFile(bytes), facts, sentence: detail })
}
