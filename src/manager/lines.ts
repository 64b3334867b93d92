/** The lines of a stream, without their ends; a last one without an end is none. Throws where one is longer than `most` bytes. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>, most: number): AsyncIterable<string> {
  let rest = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      if (end > most) break
      yield rest.toString('utf8', 0, end)
      rest = rest.subarray(end + 1)
    }
    if (rest.length > most) throw new Error(`a line has more than ${most} bytes`)
  }
}

const NEWLINE = 0x0a
