import type { ReadBlock } from '../../chain/stored-blocks.js'
import { decodeBlockParts, encodeGenesis, type HeaderRules, readBlockHeader } from '../../core/block.js'
import { utf8 } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import { describeError } from '../../core/events.js'
import type { Fault } from '../../core/fault.js'
import { VerifierCache } from '../../core/keys.js'
import { Failure } from '../failure.js'
import { type Destination, isOfDisk, type OpenedFrames, openFrames, writeFrames } from './frame-file.js'

/**
 * A log in a file: one line that says what it is, then blocks as they go over the wire, each behind its length,
 * from the genesis on, which carries the network document. It needs nothing else to be verified.
 */
export const LOG_MAGIC = utf8('tallystick log 1\n')

/** Writes the file whole or not at all. Gives the number of bytes. */
export function writeLog(
  destination: Destination,
  document: Uint8Array,
  blocks: AsyncIterable<Uint8Array>
): Promise<number> {
  return writeFrames(destination, LOG_MAGIC, blocksAfter(document, blocks))
}

async function* blocksAfter(
  document: Uint8Array,
  blocks: AsyncIterable<Uint8Array>
): AsyncIterable<Uint8Array> {
  yield encodeGenesis(document)
  yield* blocks
}

export interface OpenedLog extends Pick<OpenedFrames, 'length' | 'read' | 'close'> {
  /** Of the network, as block 0 has it. */
  readonly document: Uint8Array
  /** Those after the genesis. */
  /** As the ordering of its network reads them. To be read once. */
  readonly blocks: (rules: HeaderRules) => AsyncIterable<ReadBlock>
}

/** Throws Failure where the file cannot be read or does not begin with a genesis. */
export async function openLog(path: string): Promise<OpenedLog> {
  const { next, ...file } = await openFrames(path, LOG_MAGIC)
  const document = await readGenesis(next).catch((error: unknown) => {
    file.close()
    throw new Failure(
      'ERR_WRONG_CONTENT',
      `${path} does not begin with the genesis of a log (${describeError(error)})`,
      { cause: error }
    )
  })
  return { ...file, document, blocks: rules => readBlocks(next, rules) }
}

async function readGenesis(next: OpenedFrames['next']): Promise<Uint8Array> {
  const { document, header } = decodeBlockParts((await next()) ?? new Uint8Array(0))
  if (document.length === 0 || header.length > 0) throw new DecodeError('block 0 is no genesis')
  return document
}

async function* readBlocks(next: OpenedFrames['next'], rules: HeaderRules): AsyncIterable<ReadBlock> {
  const verifiers = new VerifierCache()
  for (let height = 1; ; height += 1) {
    const unreadable = (detail: string): { readonly fault: Fault } => ({
      fault: { kind: 'encoding', height, detail }
    })
    try {
      const frame = await next()
      if (frame === undefined) return
      const { header, checkpoint, envelopes, document } = decodeBlockParts(frame)
      const read = readBlockHeader(header, checkpoint, verifiers, rules)
      if (!read.ok) {
        yield { fault: { ...read.fault, height } }
        return
      }
      if (document.length > 0) {
        yield unreadable('only block 0 carries the network document')
        return
      }
      yield { block: { signed: read.signed, envelopes } }
    } catch (error) {
      if (isOfDisk(error)) throw error
      yield unreadable(describeError(error))
      return
    }
  }
}
