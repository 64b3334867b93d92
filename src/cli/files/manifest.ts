import * as varint from 'uint8-varint'
import { recordsOf } from './log-format.js'

/**
 * What LevelDB's manifest says must be in its folder. Each record of it is a change ("version edit"): tagged fields,
 * all numbers varints, all texts behind their length. See db/version_edit.cc of LevelDB.
 *
 * At every moment the newest log number stands for a file that is there: LevelDB makes a log before it writes its
 * number here, and syncs the folder when it writes the manifest; it deletes a log only after the manifest has a higher
 * number. A table is written and synced before it stands here. So what is missing was not removed by LevelDB.
 */
export interface Expected {
  /** Of the write-ahead log; 0 where none was begun. */
  readonly log: number
  /** Bytes of each table, by its number. */
  readonly tables: ReadonlyMap<number, number>
}

/** Undefined where it cannot be read as one. */
export function readManifest(manifest: Buffer): Expected | undefined {
  let log: number | undefined
  const tables = new Map<number, number>()
  try {
    for (const record of recordsOf(manifest)) {
      const edit = readEdit(record)
      log = edit.log ?? log
      for (const table of edit.deleted) tables.delete(table)
      for (const [table, bytes] of edit.added) tables.set(table, bytes)
    }
  } catch {
    return undefined
  }
  return log === undefined ? undefined : { log, tables }
}

interface Edit {
  readonly log: number | undefined
  readonly deleted: readonly number[]
  readonly added: readonly (readonly [number, number])[]
}

const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFileNumber: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLogNumber: 9
} as const

/** Throws RangeError where it is none. */
function readEdit(record: Buffer): Edit {
  const fields = new Fields(record)
  let log: number | undefined
  const deleted: number[] = []
  const added: (readonly [number, number])[] = []
  while (!fields.isAtEnd)
    switch (fields.number()) {
      case TAG.comparator:
        fields.skipText()
        break
      case TAG.logNumber:
        log = fields.number()
        break
      case TAG.nextFileNumber:
      case TAG.lastSequence:
      case TAG.previousLogNumber:
        fields.number()
        break
      case TAG.compactPointer:
        fields.number()
        fields.skipText()
        break
      case TAG.deletedFile:
        fields.number()
        deleted.push(fields.number())
        break
      case TAG.newFile: {
        fields.number()
        added.push([fields.number(), fields.number()])
        fields.skipText()
        fields.skipText()
        break
      }
      default:
        throw new RangeError('there is no such field')
    }
  return { log, deleted, added }
}

class Fields {
  #at = 0

  constructor(private readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    return this.#at === this.bytes.length
  }

  number(): number {
    const value = varint.decode(this.bytes, this.#at)
    this.#at += varint.encodingLength(value)
    return value
  }

  skipText(): void {
    const length = this.number()
    if (length > this.bytes.length - this.#at) throw new RangeError('a text is longer than its record')
    this.#at += length
  }
}
