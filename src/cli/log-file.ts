import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { decode, encode } from 'it-length-prefixed'
import type { ReadBlock } from '../chain/stored-blocks.js'
import { decodeBlockParts, encodeGenesis, type HeaderRules, readBlockHeader } from '../core/block.js'
import { utf8 } from '../core/bytes.js'
import { DecodeError } from '../core/codec.js'
import type { Fault } from '../core/fault.js'
import { VerifierCache } from '../core/keys.js'
import { LIMITS } from '../core/limits.js'
import { describeError } from '../node/events.js'
import { errorCode, Failure } from './failure.js'

/**
 * A log in a file: one line that says what it is, then blocks as they go over the wire, each behind its length,
 * from the genesis on, which carries the network document. It needs nothing else to be verified.
 */
export const LOG_MAGIC = utf8('tallystick log 1\n')

/** Writes the file whole or not at all; to standard output where there is no path. Gives the number of bytes. */
export async function writeLog(
  path: string | undefined,
  document: Uint8Array,
  blocks: AsyncIterable<Uint8Array>
): Promise<number> {
  let bytes = 0
  async function* frames(): AsyncIterable<Uint8Array> {
    const counted = (chunk: Uint8Array): Uint8Array => {
      bytes += chunk.length
      return chunk
    }
    yield counted(LOG_MAGIC)
    for await (const frame of encode(blocksAfter(document, blocks), { maxDataLength: LIMITS.answerBytes }))
      yield counted(frame)
  }
  if (path === undefined) {
    await pipeline(Readable.from(frames()), process.stdout, { end: false })
    return bytes
  }
  const whole = `${path}.${process.pid}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    await pipeline(Readable.from(frames()), createWriteStream(whole, { flush: true }))
    await rename(whole, path)
    return bytes
  } catch (error) {
    await rm(whole, { force: true })
    const code = errorCode(error)
    throw code === undefined ? error : new Failure(`${path} cannot be written (${code})`)
  }
}

async function* blocksAfter(
  document: Uint8Array,
  blocks: AsyncIterable<Uint8Array>
): AsyncIterable<Uint8Array> {
  yield encodeGenesis(document)
  yield* blocks
}

export interface OpenedLog {
  /** Of the network, as block 0 has it. */
  readonly document: Uint8Array
  /** In bytes, for showing how far it is. */
  readonly length: number
  readonly read: () => number
  /** Those after the genesis. */
  /** As the ordering of its network reads them. To be read once. */
  readonly blocks: (rules: HeaderRules) => AsyncIterable<ReadBlock>
  close(): void
}

/** Throws Failure where the file cannot be read or does not begin with a genesis. */
export async function openLog(path: string): Promise<OpenedLog> {
  const { size } = await stat(path)
  const stream = createReadStream(path, { start: LOG_MAGIC.length })
  const frames = decode(stream, { maxDataLength: LIMITS.answerBytes })[Symbol.asyncIterator]()
  const next = async (): Promise<Uint8Array | undefined> => {
    const { done, value } = await frames.next()
    return done === true ? undefined : value.subarray()
  }
  const document = await readGenesis(next).catch((error: unknown) => {
    stream.destroy()
    throw new Failure(`${path} does not begin with the genesis of a log (${describeError(error)})`)
  })
  return {
    document,
    length: size,
    read: () => LOG_MAGIC.length + stream.bytesRead,
    blocks: rules => readBlocks(next, rules),
    close: () => stream.destroy()
  }
}

async function readGenesis(next: () => Promise<Uint8Array | undefined>): Promise<Uint8Array> {
  const { document, header } = decodeBlockParts((await next()) ?? new Uint8Array(0))
  if (document.length === 0 || header.length > 0) throw new DecodeError('block 0 is no genesis')
  return document
}

async function* readBlocks(
  next: () => Promise<Uint8Array | undefined>,
  rules: HeaderRules
): AsyncIterable<ReadBlock> {
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
      // Of the disk, not of the file.
      if (errorCode(error)?.startsWith('E') === true && !(errorCode(error) ?? '').startsWith('ERR_'))
        throw error
      yield unreadable(describeError(error))
      return
    }
  }
}
