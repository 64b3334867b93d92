import type { Header } from '../core/block.js'
import { equal, type Hash, type PeerIdBytes } from '../core/bytes.js'
import { openCheckpoint } from '../core/checkpoint.js'
import { DecodeError } from '../core/codec.js'
import { decodeEnvelope } from '../core/envelope.js'
import { VerifierCache } from '../core/keys.js'
import { verifyInclusion } from '../core/merkle.js'
import { parseProof } from '../core/proof-file.js'
import { Opener, type OpeningKey } from '../core/sealing.js'
import { readSequencerHeader } from '../core/sequencer-header.js'
import { validateEnvelope } from '../core/validation.js'
import type { Rules } from '../rules/rules.js'
import { messageRules } from './message-rules.js'

export interface CheckedProof {
  /** Of the block that holds the message. */
  readonly header: Header
  readonly id: Hash
  readonly position: number
  readonly leaf: Hash
  readonly author: PeerIdBytes
  readonly sequence: bigint
}

/** Checks a proof file with nothing but the rules of its network. Throws DecodeError, with what is wrong. */
export async function checkProof(
  text: string,
  rules: Rules,
  keys: readonly OpeningKey[]
): Promise<CheckedProof> {
  const { position, path, message, header: envelope, checkpoint: note } = parseProof(text)
  const verifiers = new VerifierCache()
  const { header, id } = readSequencerHeader('header', envelope, rules.network, verifiers)
  const checkpoint = openCheckpoint(note, rules.network.id, verifiers.get(decodeEnvelope(envelope).publicKey))
  if (checkpoint.size !== header.size || !equal(checkpoint.log, header.log))
    throw new DecodeError('the checkpoint and the header are not of the same log')
  const opener = keys.length === 0 ? undefined : new Opener(keys)
  const verdict = await validateEnvelope(message, messageRules(rules, opener, 'stored'), verifiers)
  if (!verdict.ok) throw new DecodeError(`the message: ${verdict.refusal.reason}: ${verdict.refusal.detail}`)
  const { leaf, author, sequence } = verdict
  if (position < header.size - header.count)
    throw new DecodeError(`block ${header.height} does not hold position ${position}: an earlier one does`)
  if (!verifyInclusion(leaf, position, header.size, path, header.log))
    throw new DecodeError(`the inclusion proof of position ${position} does not hold`)
  return { header, id, position, leaf, author, sequence }
}
