import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ERRORS, type ErrorCode } from '#src/core/errors.js'
import { Cleanup } from '../helpers/cleanup.js'
import { tool } from '../helpers/program.js'

/** Addresses at which nobody listens: port 1 of this machine. */
const NOBODY = '/ip4/127.0.0.1/tcp/1'

interface Case {
  readonly code: ErrorCode
  readonly when: string
  readonly args: readonly string[]
  /** Of a folder in which `init` has run. */
  readonly before?: (folder: string) => Promise<void>
}

const CASES: readonly Case[] = [
  { code: 'ERR_USAGE', when: 'an option is not known', args: ['read', '--nonsense'] },
  { code: 'ERR_USAGE', when: 'options do not go together', args: ['keygen', 'a.key', '--bits', '2048'] },
  { code: 'ERR_EXISTS', when: 'the file is there', args: ['keygen', 'sequencer.key'] },
  { code: 'ERR_UNREACHABLE', when: 'nobody is there', args: ['count', '--connect', NOBODY] },
  {
    code: 'ERR_NETWORK_DOCUMENT',
    when: 'the network document has no name',
    args: ['count', '--connect', NOBODY],
    before: folder => writeFile(join(folder, 'network.json'), '{"tallystick":1}')
  },
  {
    code: 'ERR_SCHEMA',
    when: 'the schema of messages is none',
    args: ['init', '--schema', 'schema.json'],
    before: async folder => {
      await writeFile(join(folder, 'schema.json'), '{"type": "nonsense"}')
      await rm(join(folder, 'network.json'))
    }
  },
  {
    code: 'ERR_WRONG_CONTENT',
    when: 'the folder holds no database',
    args: ['verify', 'empty'],
    before: async folder => {
      await mkdir(join(folder, 'empty'))
    }
  },
  {
    code: 'ERR_PASSPHRASE',
    when: 'nobody can be asked for a passphrase',
    args: ['keygen', 'b.key', '--encrypt']
  },
  {
    code: 'ERR_CANNOT_READ',
    when: 'a file is in the way of a folder',
    args: ['keygen', 'file/in/it.key'],
    before: folder => writeFile(join(folder, 'file'), '')
  }
]

describe('A command that fails with --json', () => {
  const cleanup = new Cleanup(afterEach)

  for (const { code, when, args, before } of CASES)
    it(`tells the code ${code} beside the sentence, and ends with the exit code of the table, where ${when}`, async () => {
      const folder = await cleanup.folder()
      const made = await tool(folder, 'init', '--network', 'network.json', '--key', 'sequencer.key')
      assert.equal(made.code, 0, made.stderr)
      await before?.(folder)
      const named = args[0] === 'keygen' || args[0] === 'verify' ? [] : ['--network', 'network.json']
      const run = await tool(folder, ...args, ...named, '--json')
      const said: { error?: string; code?: string } = JSON.parse(run.stdout)
      assert.deepEqual([said.code, run.code], [code, ERRORS[code].exitCode ?? 1], run.stderr)
      assert.deepEqual(Object.keys(said), ['error', 'code'])
      // The same sentence is there for people.
      assert.ok(said.error && run.stderr.includes(said.error), run.stderr)
    })
})
