import { asHash, concat, type Hash, type PeerIdBytes, toHex, utf8 } from './bytes.js'
import { DecodeError } from './codec.js'
import type { Signer, Verifier } from './keys.js'
import { formatNote, fromBase64, type Note, type NoteKey, parseNote, signaturesOf } from './signed-note.js'

/**
 * Checkpoints (c2sp.org/tlog-checkpoint): what a header says of the log, once more, in the form that
 * transparency-log tools read. Only Ed25519 keys sign notes; the blocks of other producers have none.
 */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly log: Hash
}

/** What of a header its checkpoint repeats. */
type LogClaim = Pick<Checkpoint, 'size' | 'log'> & { readonly network: Hash }

export const NO_CHECKPOINT = new Uint8Array(0)

/** Where a PeerId is the multihash of an Ed25519 key, the 32 bytes of the key are its end. */
const ED25519_PEER_ID = concat(Uint8Array.of(0x00, 0x24), Uint8Array.of(0x08, 0x01, 0x12, 0x20))

/** Also the name that the log's key signs with. */
export function originOf(network: Hash): string {
  return `tallystick/${toHex(network)}`
}

/** Undefined where the producer's key is of another type. */
export function checkpointKey(network: Hash, producer: PeerIdBytes): NoteKey | undefined {
  const length = ED25519_PEER_ID.length
  const isEd25519 =
    producer.length === length + 32 && Buffer.compare(producer.subarray(0, length), ED25519_PEER_ID) === 0
  return isEd25519 ? { name: originOf(network), publicKey: producer.subarray(length) } : undefined
}

/** The signature of a header's checkpoint, as blocks carry it: empty where there is none. */
export function signCheckpoint(header: LogClaim, signer: Signer): Uint8Array {
  if (checkpointKey(header.network, signer.peerId) === undefined) return NO_CHECKPOINT
  return signer.sign(utf8(checkpointText(header)))
}

/** Whether a block whose header `producer` has signed carries the checkpoint that it must carry. */
export function verifyCheckpoint(header: LogClaim, checkpoint: Uint8Array, producer: Verifier): boolean {
  if (checkpointKey(header.network, producer.peerId) === undefined) return checkpoint.length === 0
  return producer.verify(utf8(checkpointText(header)), checkpoint)
}

/** The signed note. Undefined where the header's producer signs none. */
export function checkpointNote(
  header: LogClaim & { readonly producer: PeerIdBytes },
  checkpoint: Uint8Array
): string | undefined {
  const key = checkpointKey(header.network, header.producer)
  return key && formatNote(checkpointText(header), key, checkpoint)
}

function checkpointText({ network, size, log }: LogClaim): string {
  return `${originOf(network)}\n${size}\n${Buffer.from(log).toString('base64')}\n`
}

/** Reads a checkpoint without checking its signatures. Throws DecodeError. */
export function parseCheckpoint(text: string): { readonly checkpoint: Checkpoint; readonly note: Note } {
  const note = parseNote(text)
  const lines = note.text.slice(0, -1).split('\n')
  const [origin = '', size = '', root = ''] = lines
  const log = fromBase64(root)
  if (origin === '' || lines.includes('') || !/^(0|[1-9]\d{0,15})$/.test(size) || log?.length !== 32)
    throw new DecodeError('checkpoint: it must name its origin, a size and a root hash, a line each')
  const number = Number(size)
  if (!Number.isSafeInteger(number)) throw new DecodeError(`checkpoint: a size of ${size} is too large`)
  return { checkpoint: { origin, size: number, log: asHash(log) }, note }
}

/** The checkpoint of a network's log. Throws DecodeError unless `producer` has signed it. */
export function openCheckpoint(text: string, network: Hash, producer: Verifier): Checkpoint {
  const { checkpoint, note } = parseCheckpoint(text)
  const key = checkpointKey(network, producer.peerId)
  if (key === undefined) throw new DecodeError('checkpoint: only an Ed25519 key signs checkpoints')
  if (checkpoint.origin !== key.name)
    throw new DecodeError(`checkpoint: of another log, ${checkpoint.origin}`)
  const signatures = signaturesOf(note, key)
  if (signatures.length === 0) throw new DecodeError("checkpoint: the log's own key has not signed it")
  if (!signatures.every(signature => producer.verify(utf8(note.text), signature)))
    throw new DecodeError('checkpoint: the signature does not fit')
  return checkpoint
}
