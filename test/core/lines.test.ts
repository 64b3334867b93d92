import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { type Line, linesOf } from '#src/core/lines.js'
import { runs } from '../helpers/core.js'

async function read(chunks: readonly Uint8Array[], most: number): Promise<Line[]> {
  const lines: Line[] = []
  for await (const line of linesOf(Readable.from(chunks), { most })) lines.push(line)
  return lines
}

const text = (number: number, line: string): Line => ({ number, ok: true, text: line })

describe('Lines of a stream', () => {
  it('are the same however the stream is cut, and those that are too long are told while the others are read', async () => {
    const bytes = fc
      .array(fc.constantFrom(0x61, 0xc3, 0xa4, 0x0a, 0x0d), { maxLength: 40 })
      .map(all => Uint8Array.from(all))
    const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(bytes, cuts, fc.integer({ min: 1, max: 6 }), async (whole, sizes, most) => {
        const chunks: Uint8Array[] = []
        let at = 0
        for (const size of sizes) {
          chunks.push(whole.subarray(at, at + size))
          at += size
        }
        chunks.push(whole.subarray(at))
        const pieces = Buffer.from(whole).toString('latin1').split('\n')
        if (pieces.at(-1) === '') pieces.pop()
        const expected = pieces.map((piece, index): Line => {
          const line = Buffer.from(piece.replace(/\r$/, ''), 'latin1')
          const number = index + 1
          if (line.length > most) return { number, ok: false, fault: 'too long' }
          const decoded = line.toString('utf8')
          return Buffer.from(decoded).equals(line)
            ? text(number, decoded)
            : { number, ok: false, fault: 'not UTF-8' }
        })
        assert.deepEqual(await read(chunks, most), expected)
      }),
      runs(2_000)
    )
  })

  it('end with LF or CR LF, and with nothing else that Unicode calls the end of a line', async () => {
    const odd = 'a\u2028b\u2029c\u0085d\re\vf\fg'
    assert.deepEqual(await read([Buffer.from(`${odd}\r\n\n${odd}`)], 100), [
      text(1, odd),
      text(2, ''),
      text(3, odd)
    ])
  })

  it('keep a BOM, a NUL and all that is UTF-8 as it is', async () => {
    assert.deepEqual(await read([Buffer.from('\ufeffa\0\ufffd😀\n')], 100), [text(1, '\ufeffa\0\ufffd😀')])
  })

  it('hold no more of a line without end than it may have', async () => {
    const chunk = new Uint8Array(1024 * 1024).fill(0x61)
    async function* endless(): AsyncIterable<Uint8Array> {
      for (let count = 0; count < 400; count += 1) yield chunk
      yield Buffer.from('\nshort\n')
    }
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const lines: Line[] = []
    async function* watched(): AsyncIterable<Uint8Array> {
      for await (const part of endless()) {
        most = Math.max(most, process.memoryUsage().arrayBuffers - before)
        yield part
      }
    }
    for await (const line of linesOf(watched(), { most: 100 })) lines.push(line)
    assert.deepEqual(lines, [{ number: 1, ok: false, fault: 'too long' }, text(2, 'short')])
    assert.ok(most < 64 * chunk.length, `${most}`)
  })

  it('are told to be too long before they end', async () => {
    async function* stalled(): AsyncIterable<Uint8Array> {
      yield Buffer.from('short\nlonger')
      yield Buffer.from(' than ten bytes')
      await new Promise(() => undefined)
    }
    const lines = linesOf(stalled(), { most: 10 })[Symbol.asyncIterator]()
    assert.deepEqual((await lines.next()).value, text(1, 'short'))
    assert.deepEqual((await lines.next()).value, { number: 2, ok: false, fault: 'too long' })
  })
})
