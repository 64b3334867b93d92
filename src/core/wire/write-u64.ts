import type { Writer } from 'protons-runtime'

/**
 * A u64 as a varint. protons-runtime (7.1.2 and 8.0.1) leaves all but the first byte of those from 2³¹ to 2³² − 1
 * unwritten; as a u32 they have the same bytes.
 */
export function writeU64(writer: Writer, value: bigint): void {
  if (value < 2n ** 32n) writer.uint32(Number(value))
  else writer.uint64(value)
}
