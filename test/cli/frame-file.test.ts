import assert from 'node:assert/strict'
import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { openFrames, writeFrames } from '#src/cli/files/frame-file.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import { Cleanup } from '../helpers/cleanup.js'

const MAGIC = utf8('frames\n')

describe('a file of frames', () => {
  const cleanup = new Cleanup(after)

  it('that was cut anywhere but between two of them is not read to an end', async () => {
    // The length of the last one takes two bytes.
    const frames = [1, 100, 300].map(length => new Uint8Array(length).fill(7))
    const path = join(await cleanup.folder(), 'frames')
    async function* each(): AsyncIterable<Uint8Array> {
      yield* frames
    }
    const length = await writeFrames({ path, ifThere: 'replace' }, MAGIC, each())
    const ends = [MAGIC.length, MAGIC.length + 2, MAGIC.length + 103, length]
    for (let bytes = length; bytes >= MAGIC.length; bytes -= 1) {
      await truncate(path, bytes)
      const { next, close } = await openFrames(path, MAGIC)
      const readAll = async (): Promise<Uint8Array[]> => {
        const read: Uint8Array[] = []
        for (let frame = await next(); frame !== undefined; frame = await next()) read.push(frame)
        return read
      }
      if (ends.includes(bytes))
        assert.deepEqual((await readAll()).map(toHex), frames.slice(0, ends.indexOf(bytes)).map(toHex))
      else await assert.rejects(readAll, /end/, `cut behind byte ${bytes}`)
      close()
    }
  })
})
