import { concat, utf8 } from '../../core/bytes.js'

/** A receipt in a file: one line that says what it is, then the envelope that the sequencer signed, as it came. */
export const RECEIPT_MAGIC = utf8('tallystick receipt 1\n')

export function encodeReceiptFile(receipt: Uint8Array): Uint8Array {
  return concat(RECEIPT_MAGIC, receipt)
}

/** The envelope; the caller has seen that the file begins as one. */
export function decodeReceiptFile(file: Uint8Array): Uint8Array {
  return file.subarray(RECEIPT_MAGIC.length)
}
