import assert from 'node:assert/strict'
import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Cleanup } from '../helpers/cleanup.js'
import { Program, tool } from '../helpers/program.js'

const PLACE = /\/application\/schema\/properties\/text\/pattern: .* may not use the keyword "pattern"/

describe('A network document whose schema is not of the dialect', () => {
  const cleanup = new Cleanup(afterEach)

  it('is not made: init names the keyword and its place, and makes neither document nor keys', async () => {
    const folder = await cleanup.folder()
    const schema = { type: 'object', properties: { text: { type: 'string', pattern: '^(a+)+$' } } }
    await writeFile(join(folder, 'schema.json'), JSON.stringify(schema))
    const { code, stderr } = await tool(folder, 'init', '--network', 'n.json', '--schema', 'schema.json')
    assert.equal(code, 1)
    assert.match(stderr, PLACE)
    assert.match(stderr, /no network can be made from schema\.json: /, 'the file at fault')
    assert.doesNotMatch(stderr, /\n\s+at /)
    await assert.rejects(access(join(folder, 'n.json')))
  })

  it('is not read: whatever is started with it, or judges by it, names the keyword and its place', async () => {
    const folder = await cleanup.folder()
    assert.equal((await tool(folder, 'init', '--network', 'n.json', '--key', 'k')).code, 0)
    const sound = await readFile(join(folder, 'n.json'), 'utf8')
    const old = sound.replace('"maxLength": 8000', '"maxLength": 8000, "pattern": "x"')
    assert.notEqual(old, sound)
    await writeFile(join(folder, 'n.json'), old)
    for (const role of ['sequencer', 'follower', 'client']) {
      const options = [
        '--role',
        role,
        '--network',
        'n.json',
        '--data',
        role,
        '--listen',
        '/ip4/127.0.0.1/tcp/0'
      ]
      const key = role === 'sequencer' ? 'k' : `${role}.key`
      const program = Program.start(cleanup, folder, [...options, '--key', key])
      assert.deepEqual(await program.exit(), { code: 1, signal: null }, role)
      assert.match(program.stderr.join('\n'), PLACE, role)
      assert.match(program.stderr.join('\n'), /n\.json is not a valid network document: /, role)
    }
  })

  it('what the draft allows is made: names that are only required, lists of types, first items', async () => {
    const folder = await cleanup.folder()
    const schema = {
      type: ['object', 'null'],
      required: ['text', 'list'],
      properties: { list: { type: 'array', prefixItems: [{ type: 'string' }] } }
    }
    await writeFile(join(folder, 'schema.json'), JSON.stringify(schema))
    const { code, stderr } = await tool(folder, 'init', '--network', 'n.json', '--schema', 'schema.json')
    assert.equal(code, 0, stderr)
  })
})
