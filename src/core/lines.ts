import { concat } from './bytes.js'
import { utf8Text } from './json.js'

/** A line without its end. Lines count from 1. */
export type Line =
  | { readonly number: number; readonly ok: true; readonly text: string }
  | { readonly number: number; readonly ok: false; readonly fault: LineFault }
export type LineFault = 'not UTF-8' | 'too long'

export interface LinesOptions {
  /** Bytes of a line, at most. Of a longer one no more than that is held; it is a fault, and the lines after it are read. */
  readonly most: number
}

const NEWLINE = 0x0a
const RETURN = 0x0d

/**
 * The lines of a stream of bytes, as they are: what is not UTF-8 is told and not replaced. A line ends with LF or CR LF
 * alone; the last one may end with the stream.
 */
export async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
  { most }: LinesOptions
): AsyncIterable<Line> {
  const held = new HeldLine(most)
  let number = 0
  for await (const chunk of stream) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      held.add(chunk.subarray(start, end))
      number += 1
      yield lineOf(number, held.take())
      start = end + 1
    }
    held.add(chunk.subarray(start))
  }
  if (!held.isEmpty) yield lineOf(number + 1, held.take())
}

/** What has come of a line so far, up to one byte more than it may have, beside the CR of its end. */
class HeldLine {
  #parts: Uint8Array[] = []
  #length = 0

  constructor(private readonly most: number) {}

  get isEmpty(): boolean {
    return this.#length === 0
  }

  add(part: Uint8Array): void {
    if (part.length === 0) return
    // The stream may use its chunk again.
    if (this.#length <= this.most + 1) this.#parts.push(Uint8Array.from(part))
    this.#length += part.length
  }

  take(): Uint8Array | 'too long' {
    const [parts, length] = [this.#parts, this.#length]
    this.#parts = []
    this.#length = 0
    if (length > this.most + 1) return 'too long'
    const bytes = concat(...parts)
    const line = bytes.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes
    return line.length > this.most ? 'too long' : line
  }
}

function lineOf(number: number, bytes: Uint8Array | 'too long'): Line {
  if (bytes === 'too long') return { number, ok: false, fault: bytes }
  const text = utf8Text(bytes)
  return text === undefined ? { number, ok: false, fault: 'not UTF-8' } : { number, ok: true, text }
}
