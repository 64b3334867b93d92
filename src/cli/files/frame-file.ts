import { createReadStream } from 'node:fs'
import { stat, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { decode, encode } from 'it-length-prefixed'
import { systemCode } from '../../core/errors.js'
import { LIMITS } from '../../core/limits.js'
import type { Reading } from '../terminal/progress.js'
import { standardOutput } from '../terminal/terminal.js'
import { type IfThere, writeWhole } from './written-files.js'

/** Where a result goes. */
export interface Destination {
  /** Standard output where there is none. */
  readonly path: string | undefined
  readonly ifThere: IfThere
}

/** Files that begin with a line that says what they are; then come frames, each behind its length, to the end. */

/** Writes the file whole or not at all. Gives the number of bytes. */
export async function writeFrames(
  { path, ifThere }: Destination,
  magic: Uint8Array,
  frames: AsyncIterable<Uint8Array>
): Promise<number> {
  let bytes = 0
  let ended: { readonly by: unknown } | undefined
  async function* chunks(): AsyncIterable<Uint8Array> {
    const counted = (chunk: Uint8Array): Uint8Array => {
      bytes += chunk.length
      return chunk
    }
    yield counted(magic)
    try {
      for await (const chunk of encode(frames, { maxDataLength: LIMITS.answerBytes })) yield counted(chunk)
    } catch (error) {
      ended = { by: error }
      throw error
    }
  }
  try {
    if (path === undefined) await pipeline(Readable.from(chunks()), standardOutput, { end: false })
    else
      await writeWhole(path, ifThere, temporary =>
        // A stream may make its file after what it reads has failed, and after that was removed.
        writeFile(temporary, chunks(), { flag: 'wx', flush: true })
      )
    return bytes
  } catch (error) {
    // What could not be read is no fault of the file.
    throw ended === undefined ? error : ended.by
  }
}

export interface OpenedFrames {
  readonly progress: Reading
  /** Undefined at the end. */
  readonly next: () => Promise<Uint8Array | undefined>
  close(): void
}

/** Begins behind the line that says what it is. */
export async function openFrames(path: string, magic: Uint8Array): Promise<OpenedFrames> {
  const { size } = await stat(path)
  const stream = createReadStream(path, { start: magic.length })
  // The decoder takes a file that ends right behind a length for whole.
  let announced = 0
  let given = 0
  const options = {
    maxDataLength: LIMITS.answerBytes,
    onLength: () => {
      announced += 1
    }
  }
  const frames = decode(stream, options)[Symbol.asyncIterator]()
  return {
    progress: { total: size, unit: 'bytes', done: () => magic.length + stream.bytesRead },
    next: async () => {
      const { done, value } = await frames.next()
      if (done !== true) {
        given += 1
        return value.subarray()
      }
      if (given < announced) throw new Error('the file ends behind the length of something that is not there')
      return undefined
    },
    close: () => stream.destroy()
  }
}

/** An error of the disk, not of what is in the file. */
export function isOfDisk(error: unknown): boolean {
  const code = systemCode(error) ?? ''
  return code.startsWith('E') && !code.startsWith('ERR_')
}
