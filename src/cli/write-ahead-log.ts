import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from './failure.js'

/**
 * LevelDB's write-ahead logs, looked at before LevelDB opens them. What it finds damaged there it drops without
 * a word, together with all that was written after it. At the end of a log that is right: a crash has torn the
 * last write, of which nobody was told. In the middle it would forget messages that have receipts.
 *
 * A log is made of blocks of 32 KiB, these of fragments: CRC-32C (4, masked), length (2), type (1), data; little
 * endian. A write begins with a fragment of type 1 (whole) or 2 (first). See doc/log_format.md of LevelDB.
 */
const BLOCK = 32 * 1024
const HEADER = 7
const BEGINNINGS: ReadonlySet<number> = new Set([1, 2])

/** Throws Failure where a log is damaged and something was written behind the damage. */
export async function expectWholeLogs(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^\d+\.log$/.test(name)) continue
    const at = damageIn(await readFile(join(folder, name)))
    if (at !== undefined)
      throw new Failure(
        `${join(folder, name)} is damaged at byte ${at}: LevelDB would drop what was written from there on; restore ${folder} from a copy, or fetch the log anew`
      )
  }
}

/** Where the first damage begins that is not the torn end of the log; undefined where there is none. */
export function damageIn(log: Buffer): number | undefined {
  let at = 0
  while (at < log.length) {
    const left = BLOCK - (at % BLOCK)
    const next = left < HEADER ? at + left : endOfFragment(log, at)
    if (next === undefined) return writeBeginsIn(log, at + 1) ? at : undefined
    at = next
  }
  return undefined
}

/** The end of the fragment at `at`, where it is sound. */
function endOfFragment(log: Buffer, at: number): number | undefined {
  if (at + HEADER > log.length) return undefined
  const end = at + HEADER + log.readUInt16LE(at + 4)
  const blockEnd = at - (at % BLOCK) + BLOCK
  const type = log.readUInt8(at + 6)
  if (end > Math.min(log.length, blockEnd) || type < 1 || type > 4) return undefined
  return log.readUInt32LE(at) === masked(crc32c(log.subarray(at + 6, end))) ? end : undefined
}

function writeBeginsIn(log: Buffer, from: number): boolean {
  for (let at = from; at + HEADER <= log.length; at += 1)
    if (BEGINNINGS.has(log.readUInt8(at + 6)) && endOfFragment(log, at) !== undefined) return true
  return false
}

/** CRC-32C, as iSCSI has it: RFC 3720 appendix B.4. Node's zlib has only the other CRC-32. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** LevelDB stores sums this way, so that the sum of bytes that hold sums is no trivial one. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
