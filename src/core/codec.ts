import { asHash, equal, HASH_LENGTH, type Hash } from './bytes.js'
import { type CodedOptions, TallystickError } from './errors.js'
import { lengthOf } from './text.js'
import type { MessageName } from './wire/shapes.js'
import { scanFault } from './wire-scan.js'

/** Thrown by decoders; says what was being read and why it is refused. */
export class DecodeError extends TallystickError {
  override name = 'DecodeError'

  constructor(message: string, { code = 'ERR_DECODE', ...options }: CodedOptions = {}) {
    super(code, message, options)
  }
}

interface Codec<T> {
  /** Which message of the .proto file. */
  readonly shape: MessageName
  encode(value: NoInfer<T>): Uint8Array
  decode(bytes: Uint8Array): T
}

/**
 * Decodes one protobuf message and refuses whatever is not its canonical encoding. The bytes are scanned first: what
 * has more elements, other fields or a deeper nesting than the message may have is refused before any object is made
 * of it. What the scan cannot see, such as defaults that are spelled out, differs once encoded again. Throws DecodeError.
 */
export function decodeCanonical<T>(what: string, codec: Codec<T>, bytes: Uint8Array): T {
  const fault = scanFault(codec.shape, bytes)
  if (fault !== undefined) throw new DecodeError(`${what}: ${fault}`)
  let value: T
  try {
    value = codec.decode(bytes)
  } catch (error) {
    throw new DecodeError(`${what}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
  if (!equal(codec.encode(value), bytes)) throw new DecodeError(`${what}: not the canonical encoding`)
  return value
}

/** Throws DecodeError unless the field has the given length in bytes. */
export function expectLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length)
    throw new DecodeError(`${what}: expected ${length} bytes, found ${bytes.length}`)
}

/** Throws DecodeError unless it has the length of a hash. */
export function decodeHash(what: string, bytes: Uint8Array): Hash {
  expectLength(what, bytes, HASH_LENGTH)
  return asHash(bytes)
}

/** Throws DecodeError where it has more Unicode characters than that. */
export function decodeText(what: string, text: string, most: number): string {
  // A character takes up to two units; most texts that are too long need no counting.
  if (text.length > 2 * most || lengthOf(text) > most)
    throw new DecodeError(`${what}: more than ${most} characters`)
  return text
}
