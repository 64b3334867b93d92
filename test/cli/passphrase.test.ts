import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { askHidden } from '#src/cli/terminal/passphrase.js'

describe('a question for a passphrase', () => {
  let input: PassThrough
  let output: PassThrough

  beforeEach(() => {
    input = new PassThrough()
    output = new PassThrough()
  })

  function shown(): string {
    return output.read()?.toString() ?? ''
  }

  it('does not show what is typed', async () => {
    const asking = askHidden(['passphrase: '], input, output)
    input.write('correct horse\r')
    assert.deepEqual(await asking, ['correct horse'])
    assert.equal(shown(), 'passphrase: \n')
  })

  it('may be followed by another one, whose answer may come at once with the first', async () => {
    const asking = askHidden(['new: ', 'once more: '], input, output)
    input.write('one\ntwo\n')
    assert.deepEqual(await asking, ['one', 'two'])
    assert.equal(shown(), 'new: \nonce more: \n')
  })

  it('lets mistakes be taken back', async () => {
    const asking = askHidden(['new: '], input, output)
    input.write('onf\x7fe\r')
    assert.deepEqual(await asking, ['one'])
  })

  for (const [what, typed] of [
    ['Ctrl-C', 'hal\x03'],
    ['Ctrl-D', '\x04']
  ] as const)
    it(`ends with ${what}: no passphrase`, async () => {
      const asking = askHidden(['new: '], input, output)
      input.write(typed)
      await assert.rejects(asking, /no passphrase was given/)
    })

  it('ends with the terminal: no passphrase', async () => {
    const asking = askHidden(['new: '], input, output)
    input.end()
    await assert.rejects(asking, /no passphrase was given/)
  })
})
