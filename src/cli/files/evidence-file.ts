import { concat, utf8 } from '../../core/bytes.js'

/** A piece of evidence in a file: one line that says what it is, then its bytes. */
export const EVIDENCE_MAGIC = utf8('tallystick evidence 1\n')

export function encodeEvidenceFile(evidence: Uint8Array): Uint8Array {
  return concat(EVIDENCE_MAGIC, evidence)
}

/** The bytes of the evidence; the caller has seen that the file begins as one. */
export function decodeEvidenceFile(file: Uint8Array): Uint8Array {
  return file.subarray(EVIDENCE_MAGIC.length)
}
