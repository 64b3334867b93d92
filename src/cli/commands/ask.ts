import type { Command } from 'commander'
import type { ShownBody } from '../../applications/application.js'
import type { Block } from '../../core/block.js'
import { type EnvelopeBytes, type Hash, toHex } from '../../core/bytes.js'
import { checkpointKey, checkpointNote } from '../../core/checkpoint.js'
import { decodeEnvelope } from '../../core/envelope.js'
import { decodeMessage } from '../../core/message.js'
import type { Network } from '../../core/network.js'
import { verifierKey } from '../../core/signed-note.js'
import type { BlockQueries, ProvenInclusion } from '../../query/block-queries.js'
import { type AskingOptions, asking, askingCommand } from '../ask/asking.js'
import { knowledgeOf } from '../ask/by-kind.js'
import { identifier, type Reference, reference } from '../ask/reference.js'
import { Failure } from '../failure.js'
import { readNetwork } from '../files/files.js'
import { headerToJson, messagesOf } from '../terminal/output.js'
import { readBody } from '../terminal/shown-body.js'
import { printLine, show } from '../terminal/terminal.js'

/** The commands that ask a peer and print what has been verified. */

export function countCommand(): Command {
  return askingCommand('count')
    .description(
      'How many blocks are complete, messages in them, and messages that wait; without an order, how many transfers.'
    )
    .action(count)
}

async function count(options: AskingOptions): Promise<void> {
  show(await knowledgeOf(await readNetwork(options.network), options).count(), options.json)
}

export function headCommand(): Command {
  return askingCommand('head')
    .description('The last block, after its signature, both roots and its parent have been verified.')
    .action((options: AskingOptions) =>
      asking(options, async (asker, { header }) =>
        showBlock(options, asker, await asker.blockAt(header.height))
      )
    )
}

export function blockCommand(): Command {
  return askingCommand('block')
    .description('A block, verified as `head` is, with the bodies that are open. The block 0 is the genesis.')
    .argument('<ref>', 'its height, or its id in hex', reference)
    .action((ref: Reference, options: AskingOptions) =>
      asking(options, async asker => {
        showBlock(
          options,
          asker,
          'hash' in ref ? await asker.blockById(ref.hash) : await asker.blockAt(ref.number)
        )
      })
    )
}

export function previousCommand(): Command {
  return askingCommand('previous')
    .description('The block before the one with this id.')
    .argument('<id>', 'the id of a block in hex', identifier)
    .action((id: Hash, options: AskingOptions) =>
      asking(options, async asker => showBlock(options, asker, await asker.previous(id)))
    )
}

export function checkpointCommand(): Command {
  return askingCommand('checkpoint')
    .description('The C2SP checkpoint of the log, signed by the sequencer, for transparency-log tools.')
    .action((options: AskingOptions) =>
      asking(options, async ({ rules }, { header, checkpoint }) => {
        const note = checkpointNote(header, checkpoint)
        const key = checkpointKey(rules.network.id, header.producer)
        if (rules.ordering.sequencer === undefined)
          throw new Failure(
            'ERR_NOT_IN_NETWORK',
            'nobody speaks for the log of this network, so that nobody signs checkpoints of it'
          )
        if (note === undefined || key === undefined)
          throw new Failure(
            'ERR_NOT_FOUND',
            header.height === 0
              ? 'there is no block yet, and so no checkpoint'
              : "this sequencer's key is no Ed25519 key, so that it signs no checkpoints"
          )
        const { height, size, log } = header
        const facts = { origin: key.name, height, size, log: toHex(log), verifierKey: verifierKey(key) }
        show({ facts: { ...facts, note }, lines: note.trimEnd().split('\n') }, options.json)
        if (!options.json) printLine(`its verifier key: ${facts.verifierKey}`)
      })
    )
}

export function proofCommand(): Command {
  return askingCommand('proof')
    .description('The proof that a message is in the log, verified against the signed header of its block.')
    .argument('<ref>', 'the position of the message, or its leaf in hex', reference)
    .action((ref: Reference, options: AskingOptions) =>
      asking(options, async asker => {
        showProof(
          options,
          asker.rules.ordering.sequencer === undefined ? 'its miner' : 'the sequencer',
          await asker.inclusion('hash' in ref ? { leaf: ref.hash } : { position: ref.number })
        )
      })
    )
}

function showBlock(options: AskingOptions, asker: BlockQueries, block: Block): void {
  const { rules } = asker
  if (!asker.isOnChain(block.signed)) printLine('this block is not on the chain of this peer')
  const header = headerToJson(block.signed)
  const { application } = rules.network.document
  const messages = messagesOf(block).map((message, index) => {
    const body = openBody(application, block.envelopes[index])
    const said = body?.kind === 'transfer' ? body.json : body && { body: body.json }
    return { message: { ...message, ...said }, text: body?.text ?? (message.sealed ? 'sealed' : 'open') }
  })
  const facts = { ...header, messages: messages.map(({ message }) => message) }
  const lines = [
    ...Object.entries(header).map(([name, value]) => `${name.padEnd(9)} ${value ?? 'none: the genesis'}`),
    ...messages.map(
      ({ message: { position, author, sequence, leaf }, text }) =>
        `  ${position}  ${author} #${sequence}  ${leaf}  ${text}`
    )
  ]
  show({ facts, lines }, options.json)
}

/** Undefined where it is sealed, or says nothing here. */
function openBody(
  application: Network['document']['application'],
  envelope: EnvelopeBytes | undefined
): ShownBody | undefined {
  const body = envelope && decodeMessage(decodeEnvelope(envelope).payload).body
  if (body?.kind !== 'open') return undefined
  const read = readBody(application, body.bytes)
  return read.ok ? read.body : undefined
}

function showProof(
  options: AskingOptions,
  signer: string,
  { position, leaf, path, signed }: ProvenInclusion
): void {
  const { height, size, log } = signed.header
  const proof = {
    position,
    leaf: toHex(leaf),
    height,
    id: toHex(signed.id),
    size,
    log: toHex(log),
    path: path.map(toHex),
    // The asker throws where it does not verify.
    valid: true
  }
  const lines = [
    `the message at position ${position} is in block ${height}, which ${signer} signed`,
    `leaf      ${proof.leaf}`,
    ...proof.path.map(node => `  with    ${node}`),
    `gives     ${proof.log}`,
    `the log of ${size} messages in block ${proof.id}`
  ]
  show({ facts: proof, lines }, options.json)
}
