import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { equal, type Hash, type PeerIdBytes, toHex, utf8 } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import { describeFault, type Fault } from '../../core/fault.js'
import { peerIdToString, problemOfName, VerifierCache } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import { sequencerOf } from '../../core/network.js'
import { PROOF_MAGIC } from '../../core/proof-file.js'
import { type Receipt, readReceipt } from '../../core/receipt.js'
import { rulesOf } from '../../rules/rules.js'
import { readEvidence } from '../../validation/evidence-check.js'
import { checkProof } from '../../validation/proof-check.js'
import { withSource } from '../ask/by-kind.js'
import { type Target, targetOf } from '../ask/target.js'
import { Failure } from '../failure.js'
import { decodeEvidenceFile, EVIDENCE_MAGIC } from '../files/evidence-file.js'
import { isExport } from '../files/export-file.js'
import { readNetwork, readOrderedNetwork } from '../files/files.js'
import { readEncryptionKeys } from '../files/key-files.js'
import { decodeReceiptFile, RECEIPT_MAGIC } from '../files/receipt-file.js'
import { beginningOf, KIND_BYTES } from '../files/written-files.js'
import { DEFAULTS } from '../options.js'
import { type SwarmKeyOption, withSwarmKeyOption } from '../peer/closed-network.js'
import { dateOf, sequenceToJson } from '../terminal/output.js'
import { printJson, printResult } from '../terminal/terminal.js'

interface VerifyOptions extends SwarmKeyOption {
  readonly network?: string
  readonly key?: string
  readonly data: string
  readonly askWith?: string
  readonly json?: true
}

/** What is printed. `fault`: the first thing that is wrong; the head is then the last block that holds. */
interface Verdict {
  readonly valid: boolean
  readonly height: number
  readonly size: number
  readonly fault?: Fault
  readonly [more: string]: unknown
}

export function verifyCommand(): Command {
  return withSwarmKeyOption(new Command('verify'))
    .description(
      'Verifies a whole log, a set of transfers, a proof, a receipt or a piece of evidence, without trusting its source.'
    )
    .argument('<target>', "a stopped peer's folder, a file, or the address of a peer")
    .option('--network <file>', `the network document (default: ${DEFAULTS.network})`)
    .option('--key <file>', "the sequencer's encryption keys: sealed messages must open")
    .option('--data <dir>', 'where the head last seen is kept', 'data/tool')
    .option('--ask-with <file>', 'the key to ask a peer with that takes members only (default: a new one)')
    .option('--json', 'one JSON object on stdout')
    .action(verify)
}

async function verify(name: string, options: VerifyOptions): Promise<void> {
  const target = await targetOf(name)
  const { verdict, lines } = await verdictOn(target, options)
  if (!verdict.valid) process.exitCode = 1
  if (options.json) return printJson(verdict)
  const wrong = verdict.fault === undefined ? [] : [`NOT VALID: ${describeFault(verdict.fault)}`]
  printResult(...wrong, ...lines)
}

interface Judged {
  readonly verdict: Verdict
  /** For people. */
  readonly lines: readonly string[]
}

async function verdictOn(target: Target, options: VerifyOptions): Promise<Judged> {
  if (target.kind !== 'file') return judgeSource(target, options)
  const beginning = await beginningOf(target.name, KIND_BYTES)
  const beginsWith = (magic: Uint8Array): boolean => equal(beginning.subarray(0, magic.length), magic)
  if (isExport(beginning)) return judgeSource(target, options)
  if (beginsWith(EVIDENCE_MAGIC)) return judgeEvidence(target.name, options)
  if (beginsWith(utf8(PROOF_MAGIC))) return judgeProof(target.name, options)
  if (beginsWith(RECEIPT_MAGIC)) return judgeReceipt(target.name, options)
  throw new Failure(
    'ERR_WRONG_CONTENT',
    `${target.name} is no log, no set, no proof, no receipt and no evidence that tallystick has written`
  )
}

async function judgeSource(target: Target, options: VerifyOptions): Promise<Judged> {
  const { fault, height, size, facts, sentence, lines } = await withSource(target, options, source =>
    source.verify(options.key)
  )
  const valid = fault === undefined
  return {
    verdict: { valid, height, size, ...(fault && { fault }), ...facts },
    lines: [`${valid ? 'VALID' : 'valid up to there'}: ${sentence}`, ...lines]
  }
}

async function judgeEvidence(path: string, { network }: VerifyOptions): Promise<Judged> {
  const known = await readNetwork(network ?? DEFAULTS.network)
  const file = await readWhole(path, EVIDENCE_MAGIC.length + LIMITS.evidenceBytes)
  const read = await readEvidence(decodeEvidenceFile(file), known, new VerifierCache()).catch(asFault)
  if ('fault' in read) return invalid(read.fault, 'the evidence does not hold: it proves no lie')
  const { kind, id, height, detail } = read
  const sequencer = peerIdToString(sequencerOf(known))
  return {
    verdict: { valid: true, height, size: 0, evidence: { kind, id: toHex(id), detail }, sequencer },
    lines: [`the evidence holds: the sequencer ${sequencer} has lied`, detail]
  }
}

async function judgeProof(path: string, { network, key }: VerifyOptions): Promise<Judged> {
  const rules = rulesOf(await readOrderedNetwork(network ?? DEFAULTS.network))
  const text = await readWhole(path, 2 * LIMITS.blockBytes)
  const keys = key === undefined ? [] : await readEncryptionKeys(key)
  const checked = await checkProof(Buffer.from(text).toString(), rules, keys).catch(asFault)
  if ('fault' in checked) return invalid(checked.fault)
  const { header, id, position, leaf, author, sequence } = checked
  const message = {
    position,
    leaf: toHex(leaf),
    author: peerIdToString(author),
    sequence: sequence.toString()
  }
  return {
    verdict: { valid: true, height: header.height, size: header.size, id: toHex(id), ...message },
    lines: [
      `the proof holds: the log of ${header.size} messages in block ${header.height} has this message at position ${position}`,
      `author    ${message.author}, its message ${message.sequence}`,
      `leaf      ${message.leaf}`,
      `block     ${toHex(id)}`
    ]
  }
}

async function judgeReceipt(path: string, { network }: VerifyOptions): Promise<Judged> {
  const known = await readNetwork(network ?? DEFAULTS.network)
  const file = await readWhole(path, RECEIPT_MAGIC.length + LIMITS.noticeBytes)
  const sequencer = sequencerOf(known)
  const read = readReceiptFile(file, known.id, sequencer)
  if ('fault' in read) return invalid(read.fault, 'the receipt does not hold: it proves nothing')
  const author = peerIdToString(read.author)
  const entries = read.entries.map(({ sequence, position, leaf }) => ({
    sequence: sequenceToJson(sequence),
    position,
    leaf: toHex(leaf)
  }))
  const [first] = entries
  const signer = peerIdToString(sequencer)
  return {
    verdict: {
      valid: true,
      height: 0,
      size: 0,
      receipt: { author, time: read.time, entries },
      sequencer: signer
    },
    lines: [
      `the receipt holds: the sequencer ${signer} has signed on ${dateOf(read.time)} where these messages of ${author} stand`,
      ...entries.map(
        ({ sequence, position, leaf }) => `  message ${sequence} at position ${position}  ${leaf}`
      ),
      `it is the sequencer's word, and no proof that the log holds them: that shows, once they are in a block, tallystick proof ${first?.position}; a log with another message there convicts the sequencer`
    ]
  }
}

function readReceiptFile(
  file: Uint8Array,
  network: Hash,
  sequencer: PeerIdBytes
): Receipt | { readonly fault: Fault } {
  try {
    const receipt = readReceipt(decodeReceiptFile(file), network, sequencer, new VerifierCache())
    // A client compares the author with itself; here it is not known yet whether the author can exist.
    const problem = problemOfName(receipt.author)
    if (problem !== undefined) throw new DecodeError(`receipt author: ${problem}`)
    return receipt
  } catch (error) {
    return asFault(error)
  }
}

function asFault(error: unknown): { readonly fault: Fault } {
  if (error instanceof DecodeError) return { fault: { kind: 'proof', detail: error.message } }
  throw error
}

function invalid(fault: Fault, ...lines: readonly string[]): Judged {
  return { verdict: { valid: false, height: 0, size: 0, fault }, lines }
}

async function readWhole(path: string, most: number): Promise<Uint8Array> {
  const bytes = await readFile(path)
  if (bytes.length > most) throw new Failure('ERR_WRONG_CONTENT', `${path} is too long to be what it says`)
  return bytes
}
