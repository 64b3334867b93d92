import assert from 'node:assert/strict'
import { frameCases, readFrame } from '../helpers/vectors/frame-cases.js'
import { assertPublished } from '../helpers/vectors/vector-file.js'

describe('The vectors of frames, bundles and blocks', () => {
  const { accepted, refused } = frameCases()

  it('are read, or are refused whatever else they say', () => {
    for (const [name, made] of Object.entries(accepted)) assert.doesNotThrow(() => readFrame(made), name)
    for (const [name, made] of Object.entries(refused))
      assert.throws(() => readFrame(made), { name: 'DecodeError' }, name)
  })

  it('are those that are published, made again byte for byte', () => {
    const named = Object.entries(refused).map(([name, made]) => {
      try {
        readFrame(made)
      } catch (error) {
        return { name, ...made, detail: error instanceof Error ? error.message : '' }
      }
      return { name, ...made, detail: '' }
    })
    assertPublished('docs/vectors/frames.json', {
      about:
        'What goes over streams and topics, for sections 1, 8, 10 to 12, 15 and 16 of docs/PROTOCOL.md: bytes in hex, without a length prefix, message being the name in the .proto. accepted: encodings that are read. refused: encodings that are not, whatever a protobuf library makes of them; detail is the sentence of this program, and another one may say it otherwise. What the fields mean is not looked at.',
      accepted: Object.entries(accepted).map(([name, made]) => ({ name, ...made })),
      refused: named
    })
  })
})
