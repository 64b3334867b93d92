import { type FileHandle, open } from 'node:fs/promises'
import * as varint from 'uint8-varint'
import type { ServedChain } from '../../api/chain-handler.js'
import { genesisCursor } from '../../chain/cursor.js'
import {
  type CheckpointedHeader,
  decodeBlockParts,
  encodeGenesis,
  readUnverifiedHeader
} from '../../core/block.js'
import { equal, type Hash, toHex } from '../../core/bytes.js'
import { describeError } from '../../core/events.js'
import { LIMITS } from '../../core/limits.js'
import type { Rules } from '../../rules/rules.js'
import { Failure } from '../failure.js'
import { LOG_MAGIC } from '../files/export-file.js'

/** Where a block lies in the file, and what it says of itself. */
interface Entry {
  readonly header: Uint8Array
  readonly checkpoint: Uint8Array
  readonly offset: number
}

/**
 * A log in a file, as others may have it. It has been read, and hangs together by its ids; nothing else of it has
 * been verified: whoever takes it does that.
 */
export class ServedLog implements ServedChain {
  /** Block 1 first. */
  readonly #entries: Entry[] = []
  readonly #heights = new Map<string, number>()
  #head: CheckpointedHeader
  #weight = 0n

  private constructor(
    private readonly file: FileHandle,
    private readonly rules: Rules
  ) {
    this.#head = genesisCursor(rules).signed
  }

  /** Throws Failure where it is no log, or none that hangs together. Close it. */
  static async open(path: string, rules: Rules): Promise<ServedLog> {
    const file = await open(path)
    const log = new ServedLog(file, rules)
    try {
      await log.#readAll()
      return log
    } catch (error) {
      await file.close()
      const { height } = log.#head.header
      throw new Failure(
        'ERR_WRONG_CONTENT',
        `${path} holds no whole log: after block ${height}, ${describeError(error)}`,
        { cause: error }
      )
    }
  }

  async close(): Promise<void> {
    await this.file.close()
  }

  head(): CheckpointedHeader {
    return this.#head
  }

  weight(): bigint {
    return this.#weight
  }

  headerAt(height: number): CheckpointedHeader | undefined {
    if (height === 0) return genesisCursor(this.rules).signed
    const entry = this.#entries[height - 1]
    return entry && readUnverifiedHeader(entry)
  }

  headerById(id: Hash): CheckpointedHeader | undefined {
    const height = equal(id, genesisCursor(this.rules).signed.id) ? 0 : this.#heights.get(toHex(id))
    return height === undefined ? undefined : this.headerAt(height)
  }

  async encodedBlock({ header: { height } }: CheckpointedHeader): Promise<Uint8Array | undefined> {
    if (height === 0) return encodeGenesis(this.rules.network.canonical)
    const entry = this.#entries[height - 1]
    return entry && (await readFrame(this.file, entry.offset))?.frame
  }

  async #readAll(): Promise<void> {
    let offset = LOG_MAGIC.length
    for (let height = 0; ; height += 1) {
      const read = await readFrame(this.file, offset)
      if (read === undefined) return
      // The genesis was read before: it says of which network this is.
      if (height > 0) this.#add(read.frame, offset)
      offset = read.next
    }
  }

  #add(frame: Uint8Array, offset: number): void {
    const parts = decodeBlockParts(frame)
    // Copies: the frame they lie in is as long as the block.
    const entry = { header: parts.header.slice(), checkpoint: parts.checkpoint.slice(), offset }
    const signed = readUnverifiedHeader(entry)
    if (!equal(signed.header.parent, this.#head.id))
      throw new Failure('ERR_WRONG_CONTENT', 'the next block is not the child of that one')
    this.#entries.push(entry)
    this.#heights.set(toHex(signed.id), this.#entries.length)
    this.#head = signed
    this.#weight += this.rules.ordering.weight(signed.header)
  }
}

/** A frame behind its length, and where the next one begins; undefined at the end. */
async function readFrame(
  file: FileHandle,
  offset: number
): Promise<{ readonly frame: Uint8Array; readonly next: number } | undefined> {
  const prefix = await readAt(file, offset, LENGTH_BYTES)
  if (prefix.length === 0) return undefined
  const length = varint.decode(prefix)
  if (length > LIMITS.answerBytes)
    throw new Failure('ERR_WRONG_CONTENT', `there is a block of ${length} bytes, which is too many`)
  const start = offset + varint.encodingLength(length)
  const frame = await readAt(file, start, length)
  if (frame.length < length) throw new Failure('ERR_WRONG_CONTENT', 'the file ends in the middle of a block')
  return { frame, next: start + length }
}

/** As a frame on the wire has it. */
const LENGTH_BYTES = 4

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}
