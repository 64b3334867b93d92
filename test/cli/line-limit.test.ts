import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { lineLimit } from '#src/cli/line-limit.js'
import { runs } from '../helpers/core.js'

async function limited(chunks: readonly Buffer[], bytes: number): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of Readable.from(chunks).pipe(lineLimit(bytes))) parts.push(part)
  return Buffer.concat(parts).toString('latin1')
}

describe('The limit of a line of input', () => {
  it('lets the beginnings of lines through, so many bytes of each, however they come', async () => {
    const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 12 }))
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 10 }), async (chunks, bytes) => {
        const text = chunks.join('')
        const expected = text.split('\n').map(line => line.slice(0, bytes))
        assert.equal(
          await limited(
            chunks.map(chunk => Buffer.from(chunk)),
            bytes
          ),
          expected.join('\n')
        )
      }),
      runs(200)
    )
  })
})
