/**
 * The format that LevelDB's write-ahead logs and its manifest share: blocks of 32 KiB, made of fragments: CRC-32C
 * (4, masked), length (2), type (1), data; little endian. A record is one fragment of type 1 (whole), or one of type
 * 2 (first), any number of type 3 (middle) and one of type 4 (last). Where fewer than 7 bytes of a block are left,
 * they are unused. See doc/log_format.md of LevelDB.
 */

export const BLOCK = 32 * 1024
export const HEADER = 7

export const WHOLE = 1
export const FIRST = 2
const MIDDLE = 3
export const LAST = 4

/** Where the block that `at` is in ends, in a log of that length. */
export function blockEndAfter(log: Buffer, at: number): number {
  return Math.min(log.length, at - (at % BLOCK) + BLOCK)
}

/** The first place from `at` on where a fragment may begin: the rest of a block that is too short holds none. */
export function fragmentPlace(at: number): number {
  const left = BLOCK - (at % BLOCK)
  return left < HEADER ? at + left : at
}

/** Where the fragment at `at` says that it ends, sound or not; undefined where no header fits there. */
export function claimedEnd(log: Buffer, at: number): number | undefined {
  if (at + HEADER > log.length) return undefined
  const end = at + HEADER + log.readUInt16LE(at + 4)
  return end <= blockEndAfter(log, at) ? end : undefined
}

/** Whether what stands at `at` can be the header of a fragment, whose data may be cut off or damaged. */
export function hasHeader(log: Buffer, at: number): boolean {
  if (at + HEADER > log.length || !isType(typeAt(log, at))) return false
  return (at % BLOCK) + HEADER + log.readUInt16LE(at + 4) <= BLOCK
}

/** The end of the fragment at `at`, where it is sound. */
export function endOfFragment(log: Buffer, at: number): number | undefined {
  const end = claimedEnd(log, at)
  if (end === undefined) return undefined
  if (!isType(typeAt(log, at))) return undefined
  return log.readUInt32LE(at) === masked(crcOf(log.subarray(at + 6, end))) ? end : undefined
}

export function typeAt(log: Buffer, at: number): number {
  return log.readUInt8(at + 6)
}

function isType(type: number): boolean {
  return type >= WHOLE && type <= LAST
}

/** Where the fragment at `at` ends by its checksum, whatever its length field says; undefined where by none. */
export function endByChecksum(log: Buffer, at: number): number | undefined {
  if (at + HEADER > log.length) return undefined
  const expected = log.readUInt32LE(at)
  const blockEnd = blockEndAfter(log, at)
  let crc = START
  for (let end = at + HEADER; ; end += 1) {
    crc = step(crc, log.readUInt8(end - 1))
    if (masked(finished(crc)) === expected) return end
    if (end >= blockEnd) return undefined
  }
}

/** The whole records of a log, up to the first fragment that is not sound. */
export function* recordsOf(log: Buffer): Iterable<Buffer> {
  let parts: Buffer[] = []
  for (let at = fragmentPlace(0); ; ) {
    const end = endOfFragment(log, at)
    if (end === undefined) return
    const type = typeAt(log, at)
    const data = log.subarray(at + HEADER, end)
    parts = type === MIDDLE || type === LAST ? [...parts, data] : [data]
    if (type === WHOLE || type === LAST) yield Buffer.concat(parts)
    at = fragmentPlace(end)
  }
}

/** CRC-32C, as iSCSI has it: RFC 3720 appendix B.4. Node's zlib has only the other CRC-32. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

const START = 0xffffffff

function step(crc: number, byte: number): number {
  return (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)
}

function finished(crc: number): number {
  return (crc ^ 0xffffffff) >>> 0
}

function crcOf(bytes: Uint8Array): number {
  let crc = START
  for (const byte of bytes) crc = step(crc, byte)
  return finished(crc)
}

/** LevelDB stores sums this way, so that the sum of bytes that hold sums is no trivial one. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
