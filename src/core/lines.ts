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
 * alone; the last one may end with the stream. One that is too long is told as soon as that is known.
 */
export async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
  { most }: LinesOptions
): AsyncIterable<Line> {
  const held = new HeldLine(most)
  let number = 1
  let isTold = false
  const ended = function* (): Iterable<Line> {
    const bytes = held.take()
    if (!isTold) yield bytes === undefined ? tooLong(number) : lineOf(number, bytes)
    isTold = false
    number += 1
  }
  for await (const chunk of stream) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      held.add(chunk.subarray(start, end))
      yield* ended()
      start = end + 1
    }
    held.add(chunk.subarray(start))
    if (held.isTooLong && !isTold) {
      isTold = true
      yield tooLong(number)
    }
  }
  if (!held.isEmpty) yield* ended()
}

/** What has come of a line so far: of one that is too long no more than a chunk over what it may have. */
class HeldLine {
  #parts: Uint8Array[] = []
  #length = 0
  #last: number | undefined

  constructor(private readonly most: number) {}

  get isEmpty(): boolean {
    return this.#length === 0
  }

  /** Whether it is, even if its last byte is the CR of its end. */
  get isTooLong(): boolean {
    return this.#length > this.most + (this.#last === RETURN ? 1 : 0)
  }

  add(part: Uint8Array): void {
    if (part.length === 0) return
    // The stream may use its chunk again.
    if (this.#length <= this.most + 1) this.#parts.push(Uint8Array.from(part))
    this.#length += part.length
    this.#last = part.at(-1)
  }

  /** Undefined where it was too long. */
  take(): Uint8Array | undefined {
    const bytes = this.isTooLong ? undefined : concat(...this.#parts)
    this.#parts = []
    this.#length = 0
    return bytes?.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes
  }
}

function tooLong(number: number): Line {
  return { number, ok: false, fault: 'too long' }
}

function lineOf(number: number, bytes: Uint8Array): Line {
  const text = utf8Text(bytes)
  return text === undefined ? { number, ok: false, fault: 'not UTF-8' } : { number, ok: true, text }
}
