import { Transform } from 'node:stream'

const NEWLINE = 0x0a

/** Passes lines on, and of each no more than so many bytes: who reads them holds no more at once. */
export function lineLimit(bytes: number): Transform {
  let room = bytes
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let start = 0
      while (start < chunk.length) {
        const newline = chunk.indexOf(NEWLINE, start)
        const end = newline < 0 ? chunk.length : newline
        this.push(chunk.subarray(start, Math.min(end, start + room)))
        room -= Math.min(room, end - start)
        if (newline >= 0) {
          this.push(chunk.subarray(newline, newline + 1))
          room = bytes
        }
        start = end + 1
      }
      done()
    }
  })
}
