import { concat, utf8 } from '../core/bytes.js'

/** A piece of evidence in a file: one line that says what it is, then its bytes. */
const EVIDENCE_MAGIC = utf8('tallystick evidence 1\n')

export function encodeEvidenceFile(evidence: Uint8Array): Uint8Array {
  return concat(EVIDENCE_MAGIC, evidence)
}
