import { asHash, type EnvelopeBytes, type Hash } from './bytes.js'
import { DecodeError, decodeCanonical } from './codec.js'
import { fromBase64 } from './signed-note.js'
import { ProvedMessage as WireProvedMessage } from './wire/tallystick.js'

/**
 * The proof of one message as transparency-log tools read it (c2sp.org/tlog-proof@v1): the position, the
 * inclusion proof and a checkpoint. What is ours goes into its `extra`: the message, and the header of the block
 * that holds it.
 */
export interface ProofFile {
  readonly position: number
  readonly path: readonly Hash[]
  readonly message: EnvelopeBytes
  /** Signed, of the block whose log the checkpoint repeats. */
  readonly header: EnvelopeBytes
  /** A signed note. */
  readonly checkpoint: string
}

export const PROOF_MAGIC = 'c2sp.org/tlog-proof@v1\n'

export function formatProof({ position, path, message, header, checkpoint }: ProofFile): string {
  const extra = base64(WireProvedMessage.encode({ message, header }))
  const lines = [`extra ${extra}`, `index ${position}`, ...path.map(base64), '', checkpoint]
  return PROOF_MAGIC + lines.join('\n')
}

/** Checks the form alone. Throws DecodeError. */
export function parseProof(text: string): ProofFile {
  const malformed = (why: string): DecodeError => new DecodeError(`proof file: ${why}`)
  const bytesOf = (line: string): Uint8Array => {
    const bytes = fromBase64(line)
    if (bytes === undefined) throw malformed('a line is not base64')
    return bytes
  }
  if (!text.startsWith(PROOF_MAGIC)) throw malformed(`its first line is not ${PROOF_MAGIC.trim()}`)
  const end = text.indexOf('\n\n')
  if (end === -1) throw malformed('no empty line comes before its checkpoint')
  const [extra = '', index = '', ...path] = text.slice(PROOF_MAGIC.length, end).split('\n')
  if (!extra.startsWith('extra '))
    throw malformed('it has no extra line: the message that it proves is not in it')
  if (!/^index (0|[1-9]\d{0,15})$/.test(index)) throw malformed('no index follows')
  const hashes = path.map(bytesOf)
  if (hashes.some(({ length }) => length !== 32)) throw malformed('a hash has not 32 bytes')
  const { message, header } = decodeCanonical(
    'extra of the proof file',
    WireProvedMessage,
    bytesOf(extra.slice('extra '.length))
  )
  return {
    position: Number(index.slice('index '.length)),
    path: hashes.map(asHash),
    message: message as EnvelopeBytes,
    header: header as EnvelopeBytes,
    checkpoint: text.slice(end + 2)
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
