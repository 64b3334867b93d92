import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { decode, encode } from 'it-length-prefixed'
import { LIMITS } from '../core/limits.js'
import { errorCode, Failure } from './failure.js'
import { temporaryBeside } from './files.js'
import { makeFolder } from './make-folder.js'
import { standardOutput } from './terminal.js'

/** Files that begin with a line that says what they are; then come frames, each behind its length, to the end. */

/** Writes the file whole or not at all; to standard output where there is no path. Gives the number of bytes. */
export async function writeFrames(
  path: string | undefined,
  magic: Uint8Array,
  frames: AsyncIterable<Uint8Array>
): Promise<number> {
  let bytes = 0
  async function* chunks(): AsyncIterable<Uint8Array> {
    const counted = (chunk: Uint8Array): Uint8Array => {
      bytes += chunk.length
      return chunk
    }
    yield counted(magic)
    for await (const chunk of encode(frames, { maxDataLength: LIMITS.answerBytes })) yield counted(chunk)
  }
  if (path === undefined) {
    await pipeline(Readable.from(chunks()), standardOutput, { end: false })
    return bytes
  }
  const whole = temporaryBeside(path)
  try {
    await makeFolder(dirname(path))
    await pipeline(Readable.from(chunks()), createWriteStream(whole, { flags: 'wx', flush: true }))
    await rename(whole, path)
    return bytes
  } catch (error) {
    await rm(whole, { force: true })
    const code = errorCode(error)
    throw code === undefined ? error : new Failure(`${path} cannot be written (${code})`)
  }
}

export interface OpenedFrames {
  /** In bytes, for showing how far it is. */
  readonly length: number
  readonly read: () => number
  /** Undefined at the end. */
  readonly next: () => Promise<Uint8Array | undefined>
  close(): void
}

/** Begins behind the line that says what it is. */
export async function openFrames(path: string, magic: Uint8Array): Promise<OpenedFrames> {
  const { size } = await stat(path)
  const stream = createReadStream(path, { start: magic.length })
  const frames = decode(stream, { maxDataLength: LIMITS.answerBytes })[Symbol.asyncIterator]()
  return {
    length: size,
    read: () => magic.length + stream.bytesRead,
    next: async () => {
      const { done, value } = await frames.next()
      return done === true ? undefined : value.subarray()
    },
    close: () => stream.destroy()
  }
}

/** An error of the disk, not of what is in the file. */
export function isOfDisk(error: unknown): boolean {
  const code = errorCode(error) ?? ''
  return code.startsWith('E') && !code.startsWith('ERR_')
}

/** As much of a file as tells what it is. */
export async function beginningOf(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
