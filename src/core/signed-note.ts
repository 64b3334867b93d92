import { concat, equal, utf8 } from './bytes.js'
import { DecodeError } from './codec.js'
import { Ed25519Key } from './ed25519.js'
import { sha256 } from './hash.js'

/**
 * Signed notes (c2sp.org/signed-note), as transparency logs exchange them: a text, an empty line, signature
 * lines. Signatures of type Ed25519 alone are made and checked here; others are carried along.
 */
export interface Note {
  /** With its final newline: this is what is signed. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

interface NoteSignature {
  /** Of the key. */
  readonly name: string
  /** 4 bytes. */
  readonly keyId: Uint8Array
  readonly signature: Uint8Array
}

/** An Ed25519 key under the name it signs with. `publicKey`: 32 bytes (RFC 8032). */
export interface NoteKey {
  readonly name: string
  readonly publicKey: Uint8Array
}

const ED25519 = 0x01
const KEY_ID_BYTES = 4
/** What the note's own verifiers are asked to accept at least. */
const MOST_SIGNATURES = 16
const SIGNATURE_LINE = /^— ([^ +]+) ([A-Za-z0-9+/]+={0,2})$/
const CONTROL_CHARACTER = /(?!\n)\p{Cc}/u
const UNICODE_SPACE_OR_PLUS = /[\p{White_Space}+]/u

function noteKeyId({ name, publicKey }: NoteKey): Uint8Array {
  return sha256(concat(utf8(`${name}\n`), Uint8Array.of(ED25519), publicKey)).subarray(0, KEY_ID_BYTES)
}

/** The key in the form that transparency-log tools take: name+key id+base64. */
export function verifierKey(key: NoteKey): string {
  const encoded = Buffer.from(concat(Uint8Array.of(ED25519), key.publicKey)).toString('base64')
  return `${key.name}+${Buffer.from(noteKeyId(key)).toString('hex')}+${encoded}`
}

/** Throws DecodeError. */
export function parseVerifierKey(text: string): NoteKey {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text)
  const [, name = '', id = '', encoded = ''] = match ?? []
  const bytes = match === null ? undefined : fromBase64(encoded)
  const publicKey = bytes?.subarray(1)
  if (bytes?.[0] !== ED25519 || publicKey?.length !== 32)
    throw new DecodeError('verifier key: not of the form name+id+key, or not of an Ed25519 key')
  const key = { name, publicKey }
  if (Buffer.from(noteKeyId(key)).toString('hex') !== id)
    throw new DecodeError('verifier key: the id is not its own')
  try {
    new Ed25519Key(publicKey)
  } catch (error) {
    throw new DecodeError(`verifier key: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
  return key
}

export function formatNote(text: string, key: NoteKey, signature: Uint8Array): string {
  const bytes = Buffer.from(concat(noteKeyId(key), signature))
  return `${text}\n— ${key.name} ${bytes.toString('base64')}\n`
}

/** Reads a note without checking its signatures. Throws DecodeError. */
export function parseNote(note: string): Note {
  const malformed = (why: string): DecodeError => new DecodeError(`signed note: ${why}`)
  if (CONTROL_CHARACTER.test(note)) throw malformed('it has control characters')
  const end = note.lastIndexOf('\n\n')
  if (end === -1) throw malformed('no empty line stands between the text and its signatures')
  const lines = note.slice(end + 2).split('\n')
  if (lines.pop() !== '' || lines.length === 0) throw malformed('it does not end with a line of a signature')
  if (lines.length > MOST_SIGNATURES) throw malformed(`${lines.length} signatures are too many`)
  return { text: note.slice(0, end + 1), signatures: lines.map(line => parseSignature(line, malformed)) }
}

function parseSignature(line: string, malformed: (why: string) => DecodeError): NoteSignature {
  const [, name, encoded] = SIGNATURE_LINE.exec(line) ?? []
  if (name === undefined || encoded === undefined || UNICODE_SPACE_OR_PLUS.test(name))
    throw malformed('a line after the text is no signature')
  const bytes = fromBase64(encoded)
  if (bytes === undefined || bytes.length <= KEY_ID_BYTES) throw malformed('a signature is too short')
  return { name, keyId: bytes.subarray(0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) }
}

/** The signatures that claim to be this key's. */
export function signaturesOf(note: Note, key: NoteKey): Uint8Array[] {
  const keyId = noteKeyId(key)
  return note.signatures
    .filter(({ name, keyId: id }) => name === key.name && equal(id, keyId))
    .map(({ signature }) => signature)
}

/** Bytes of standard base64, or undefined where it is not the one encoding of them. */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? Uint8Array.from(bytes) : undefined
}
