import type { ReadBlock } from '../../chain/stored-blocks.js'
import { decodeBlockParts, encodeGenesis, type HeaderRules, readBlockHeader } from '../../core/block.js'
import { type EnvelopeBytes, equal, utf8 } from '../../core/bytes.js'
import { DecodeError } from '../../core/codec.js'
import { describeError } from '../../core/events.js'
import type { Fault } from '../../core/fault.js'
import { VerifierCache } from '../../core/keys.js'
import type { Network } from '../../core/network.js'
import { groupsOf, type ReadTransfers } from '../../replication/set/set-reading.js'
import { Failure } from '../failure.js'
import { type Destination, isOfDisk, type OpenedFrames, openFrames, writeFrames } from './frame-file.js'
import { beginningOf, KIND_BYTES } from './written-files.js'

/**
 * All that was said in a network, in a file that needs nothing else to be verified: one line that says what it is, then
 * frames, each behind its length. The first one carries the network document: a log has blocks as they go over the wire,
 * from the genesis on; a set has the document itself, then the envelopes of all transfers in any order.
 */
interface Format {
  readonly magic: Uint8Array
  /** The first frame. */
  readonly encode: (document: Uint8Array) => Uint8Array
  /** Throws where it is no such frame. */
  readonly decode: (frame: Uint8Array | undefined) => Uint8Array
  /** What to say then. */
  readonly problem: (error: unknown) => string
}

export const LOG_MAGIC = utf8('tallystick log 1\n')

const FORMATS: Record<Network['kind'], Format> = {
  chain: {
    magic: LOG_MAGIC,
    encode: encodeGenesis,
    decode: (frame = new Uint8Array(0)) => {
      const { document, header } = decodeBlockParts(frame)
      if (document.length === 0 || header.length > 0) throw new DecodeError('block 0 is no genesis')
      return document
    },
    problem: error => `the genesis of a log (${describeError(error)})`
  },
  set: {
    magic: utf8('tallystick set 1\n'),
    encode: document => document,
    decode: frame => {
      if (frame === undefined) throw new DecodeError('there is nothing')
      return frame
    },
    problem: () => 'a network document, as an exported set does'
  }
}

/** Whether a file that begins with this says that it is one. */
export function isExport(beginning: Uint8Array): boolean {
  return Object.values(FORMATS).some(format => begins(beginning, format))
}

/** Writes the file whole or not at all. `parts`: all frames but the first. Gives the number of bytes. */
export function writeExport(
  destination: Destination,
  { kind, canonical }: Pick<Network, 'kind' | 'canonical'>,
  parts: AsyncIterable<Uint8Array>
): Promise<number> {
  const { magic, encode } = FORMATS[kind]
  async function* frames(): AsyncIterable<Uint8Array> {
    yield encode(canonical)
    yield* parts
  }
  return writeFrames(destination, magic, frames())
}

export interface ExportFile extends OpenedFrames {
  readonly kind: Network['kind']
  readonly document: Uint8Array
}

/** What does not say that it is a set is read as a log. Throws Failure where it does not begin as such. */
export async function openExport(path: string): Promise<ExportFile> {
  const kind = begins(await beginningOf(path, KIND_BYTES), FORMATS.set) ? 'set' : 'chain'
  const { magic, decode, problem } = FORMATS[kind]
  const file = await openFrames(path, magic)
  try {
    return { ...file, kind, document: decode(await file.next()) }
  } catch (error) {
    file.close()
    throw new Failure('ERR_WRONG_CONTENT', `${path} does not begin with ${problem(error)}`, { cause: error })
  }
}

function begins(beginning: Uint8Array, { magic }: Format): boolean {
  return equal(beginning.subarray(0, magic.length), magic)
}

/** The blocks after the genesis. To be read once. */
export async function* blocksIn({ next }: ExportFile, rules: HeaderRules): AsyncIterable<ReadBlock> {
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

/** To be read once. */
export async function* transfersIn({ next }: ExportFile): AsyncIterable<ReadTransfers> {
  let problem: string | undefined
  async function* envelopes(): AsyncIterable<EnvelopeBytes> {
    try {
      for (let frame = await next(); frame !== undefined; frame = await next()) yield frame as EnvelopeBytes
    } catch (error) {
      if (isOfDisk(error)) throw error
      problem = describeError(error)
    }
  }
  for await (const group of groupsOf(envelopes())) yield { envelopes: group }
  if (problem !== undefined) yield { fault: { kind: 'encoding', detail: problem } }
}
