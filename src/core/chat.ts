import { type Hash, utf8 } from './bytes.js'
import { DecodeError, decodeCanonical, expectLength } from './codec.js'
import { sha256 } from './hash.js'
import { canonicalJson } from './json.js'
import { LIMITS } from './limits.js'
import { lengthOf } from './text.js'
import { ChatLine as WireChatLine } from './wire/tallystick.js'

/** The anonymous chat: lines that bear no name, in rooms that need no file. */

/** A text as it came; what a terminal is shown of it is `harmless`. */
export interface ChatLine {
  /** Random, so that a text that is said twice makes two lines. */
  readonly id: Uint8Array
  readonly text: string
}

export const LINE_ID_LENGTH = 16

export function encodeChatLine({ id, text }: ChatLine): Uint8Array {
  return WireChatLine.encode({ id, text })
}

/** Throws DecodeError. */
export function decodeChatLine(bytes: Uint8Array): ChatLine {
  if (bytes.length > LIMITS.lineBytes) throw new DecodeError(`chat line: ${bytes.length} bytes are too many`)
  const { id, text } = decodeCanonical('chat line', WireChatLine, bytes)
  expectLength('chat line id', id, LINE_ID_LENGTH)
  if (text === '') throw new DecodeError('chat line text: empty')
  const length = lengthOf(text)
  if (length > LIMITS.lineCharacters)
    throw new DecodeError(`chat line text: ${length} characters are too many`)
  return { id, text }
}

/** A room is a network with neither order nor log, known by its name alone. */
export interface Room {
  readonly name: string
  /** The RFC 8785 form of its network document. */
  readonly canonical: Uint8Array
  readonly id: Hash
}

const ROOM_NAME = { least: 1, most: 100 } as const

/** Where everybody meets who names no room. */
export const LOBBY = 'lobby'

/** Undefined where no network may be called so. */
export function roomOf(name: string): Room | undefined {
  const length = lengthOf(name)
  if (length < ROOM_NAME.least || length > ROOM_NAME.most || /\p{Surrogate}/u.test(name)) return undefined
  const document = { tallystick: 1, name, ordering: { type: 'none' }, application: { type: 'chat' } }
  const canonical = utf8(canonicalJson(document, 2) ?? '')
  return { name, canonical, id: sha256(canonical) }
}
