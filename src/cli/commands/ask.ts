import { type Command, InvalidArgumentError } from 'commander'
import type { Block } from '../../core/block.js'
import { type Hash, hashFromHex, toHex } from '../../core/bytes.js'
import type { ProvenInclusion } from '../../node/asker.js'
import { type AskingOptions, asking, askingCommand } from '../asking.js'
import { headerToJson, messagesOf, printJson } from '../output.js'

/** The commands that ask a peer and print what has been verified. */

export function countCommand(): Command {
  return askingCommand('count')
    .description('How many blocks are complete, messages in them, and messages that wait.')
    .action((options: AskingOptions) =>
      asking(options, async asker => {
        const { height, size, pending } = await asker.status()
        show(options, { count: height, size, pending }, [
          `blocks ${height}, messages in them ${size}, messages waiting for a block ${pending}`
        ])
      })
    )
}

export function headCommand(): Command {
  return askingCommand('head')
    .description('The last block, after its signature, both roots and its parent have been verified.')
    .action((options: AskingOptions) =>
      asking(options, async (asker, { header }) => showBlock(options, await asker.blockAt(header.height)))
    )
}

export function blockCommand(): Command {
  return askingCommand('block')
    .description('A block, verified as `head` is. The block 0 is the genesis.')
    .argument('<ref>', 'its height, or its id in hex', reference)
    .action((ref: Reference, options: AskingOptions) =>
      asking(options, async asker => {
        showBlock(options, 'hash' in ref ? await asker.blockById(ref.hash) : await asker.blockAt(ref.number))
      })
    )
}

export function previousCommand(): Command {
  return askingCommand('previous')
    .description('The block before the one with this id.')
    .argument('<id>', 'the id of a block in hex', identifier)
    .action((id: Hash, options: AskingOptions) =>
      asking(options, async asker => showBlock(options, await asker.previous(id)))
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
          await asker.inclusion('hash' in ref ? { leaf: ref.hash } : { position: ref.number })
        )
      })
    )
}

type Reference = { readonly number: number } | { readonly hash: Hash }

function reference(text: string): Reference {
  const hash = hashFromHex(text)
  if (hash !== undefined) return { hash }
  if (/^\d{1,15}$/.test(text)) return { number: Number(text) }
  throw new InvalidArgumentError('It must be a whole number, or 64 hex digits.')
}

function identifier(text: string): Hash {
  const hash = hashFromHex(text)
  if (hash === undefined) throw new InvalidArgumentError('It must be 64 hex digits.')
  return hash
}

function showBlock(options: AskingOptions, block: Block): void {
  const header = headerToJson(block.signed)
  const messages = messagesOf(block)
  show(options, { ...header, messages }, [
    ...Object.entries(header).map(([name, value]) => `${name.padEnd(9)} ${value ?? 'none: the genesis'}`),
    ...messages.map(
      ({ position, author, sequence, sealed, leaf }) =>
        `  ${position}  ${author} #${sequence}  ${sealed ? 'sealed' : 'open'}  ${leaf}`
    )
  ])
}

function showProof(options: AskingOptions, { position, leaf, path, signed }: ProvenInclusion): void {
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
  show(options, proof, [
    `message ${position} is in block ${height}, which the sequencer signed`,
    `leaf      ${proof.leaf}`,
    ...proof.path.map(node => `  with    ${node}`),
    `gives     ${proof.log}`,
    `the log of ${size} messages in block ${proof.id}`
  ])
}

function show(options: AskingOptions, json: object, lines: readonly string[]): void {
  if (options.json) printJson(json)
  else process.stdout.write(`${lines.join('\n')}\n`)
}
