import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LAST_SEQUENCE, numbered } from '#src/client/outbox-entries.js'
import { flipped } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { type JsonEvent, Program, SequencerProcess, type ToolResult, tool } from '../helpers/program.js'

const NETWORK = ['--network', 'network.json'] as const

/** What `receipt --json` prints. */
interface Shown {
  readonly author: string
  readonly sequence: number
  readonly position: number
  readonly leaf: string
  readonly messages: number
  readonly receipt: string
}

/** A real sequencer with two blocks of five, and a client that has stopped, with the receipts of its twelve messages. */
describe('tallystick receipt', () => {
  const cleanup = new Cleanup(after)
  let net: TestNetwork
  let sequencer: SequencerProcess
  let folder: string
  let receipted: readonly JsonEvent[]
  let author: string

  const client = (...input: readonly string[]): readonly string[] => [
    ...['--role', 'client', ...NETWORK, '--key', 'alice.key', '--data', 'alice'],
    ...['--connect', sequencer.address, '--json', ...input]
  ]

  before(async () => {
    net = await makeNetwork({ blockSize: 5 })
    sequencer = await SequencerProcess.start(cleanup, net)
    folder = sequencer.folder
    const lines = Array.from({ length: 12 }, (_, index) => `message ${index}\n`).join('')
    const alice = Program.start(cleanup, folder, client('--stdin'), lines)
    assert.equal((await alice.exit()).code, 0)
    receipted = alice.of('receipt')
    author = String(alice.of('started')[0]?.peerId)
  })

  const receipt = (ref: string, ...args: readonly string[]): Promise<ToolResult> =>
    tool(folder, 'receipt', ref, ...NETWORK, '--connect', sequencer.address, ...args)

  async function shown(ref: string, ...args: readonly string[]): Promise<Shown> {
    const { code, stdout, stderr } = await receipt(ref, ...args, '--json')
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  const verify = (file: string, ...args: readonly string[]): Promise<ToolResult> =>
    tool(folder, 'verify', file, ...NETWORK, ...args)

  it('prints out of the client’s folder what the client was told, by sequence, by position and by leaf', async () => {
    const told = present(receipted.find(({ sequence }) => sequence === 7))
    const bySequence = await shown('7', '--data', 'alice')
    assert.deepEqual(
      [bySequence.author, bySequence.sequence, bySequence.position, bySequence.leaf],
      [author, 7, told.position, told.leaf]
    )
    assert.deepEqual(await shown(`position:${told.position}`, '--data', 'alice'), bySequence)
    assert.deepEqual(await shown(bySequence.leaf, '--data', 'alice'), bySequence)
    const { stdout } = await receipt('7', '--data', 'alice')
    assert.match(
      stdout,
      new RegExp(`^message 7 of ${author} is at position ${told.position}: .* has signed that on \\d`)
    )
    for (const wrong of ['0', 'seven', 'position:x']) assert.equal((await receipt(wrong)).code, 2, wrong)
  })

  it('asks the sequencer while the client runs, and where there is no folder', async () => {
    const kept = await shown('3', '--data', 'alice')
    const running = Program.startOpen(cleanup, folder, client('--stdin'), '')
    await running.says(/connected to/)
    const { code, stdout, stderr } = await receipt('3', '--data', 'alice', '--key', 'alice.key', '--json')
    assert.equal(code, 0, stderr)
    assert.match(stderr, /alice is in use by a client that runs, so that a peer is asked/)
    assert.deepEqual(JSON.parse(stdout), kept)
    // It has not cut off the client, whose key it does not use.
    assert.deepEqual(
      running.stderr.filter(line => /lost the connection/.test(line)),
      []
    )
    await running.kill('SIGTERM')
    const nowhere = ['--data', 'nowhere', '--key', 'nowhere.key'] as const
    assert.deepEqual(await shown('3', ...nowhere, '--author', author), kept)
    assert.deepEqual(await shown(`position:${kept.position}`, ...nowhere), kept)
    const nobody = await receipt('3', ...nowhere)
    assert.equal(nobody.code, 1)
    assert.match(nobody.stderr, /--data DIR, or the author with --author PEERID/)
    const missing = await receipt('99', '--data', 'alice', '--key', 'alice.key')
    assert.equal(missing.code, 1)
    assert.match(
      missing.stderr,
      /message 99 of .* has no receipt in alice, and the peer that was asked has none/
    )
  })

  it('writes a file that anybody can verify offline, and never over another one', async () => {
    const written = await receipt('7', '--data', 'alice', '--out', 'seven.receipt')
    assert.equal(written.code, 0, written.stderr)
    assert.match(written.stderr, /SUCCESS: wrote seven.receipt/)
    const file = await readFile(join(folder, 'seven.receipt'))
    const again = await receipt('2', '--data', 'alice', '--out', 'seven.receipt')
    assert.equal(again.code, 1)
    assert.match(again.stderr, /seven.receipt exists already; it was left as it is/)
    assert.deepEqual(await readFile(join(folder, 'seven.receipt')), file)
    await sequencer.program.kill('SIGKILL')
    const { code, stdout } = await verify('seven.receipt', '--json')
    assert.equal(code, 0)
    const verdict: {
      readonly valid: boolean
      readonly receipt: { readonly author: string; readonly entries: readonly Shown[] }
    } = JSON.parse(stdout)
    assert.deepEqual([verdict.valid, verdict.receipt.author], [true, author])
    const { sequence, position, leaf } = await shown('7', '--data', 'alice')
    assert.deepEqual(
      verdict.receipt.entries.find(entry => entry.sequence === 7),
      { sequence, position, leaf }
    )
    const people = await verify('seven.receipt')
    assert.match(people.stdout, /^the receipt holds: the sequencer \S+ has signed on /)
    assert.match(people.stdout, /no proof that the log holds/)
  })

  it('is refused by verify where a bit of it was altered, or where it is of another network', async () => {
    const file = await readFile(join(folder, 'seven.receipt'))
    for (const index of [25, 70, Math.floor(file.length / 2), -70, -1]) {
      await writeFile(join(folder, 'altered.receipt'), flipped(file, index))
      const { code, stdout } = await verify('altered.receipt', '--json')
      assert.equal(code, 1, `byte ${index}`)
      assert.equal(JSON.parse(stdout).valid, false)
    }
    const other = await makeNetwork({ name: 'another' })
    await writeFile(join(folder, 'other.json'), JSON.stringify(other.network.document))
    const foreign = await tool(folder, 'verify', 'seven.receipt', '--network', 'other.json')
    assert.equal(foreign.code, 1)
    assert.match(foreign.stdout, /NOT VALID: proof: receipt: for another network/)
    await rm(join(folder, 'altered.receipt'))
  })

  it('refuses what a folder holds that the sequencer has not signed, and a folder of another network', async () => {
    const tampered = join(folder, 'tampered')
    await cp(join(folder, 'alice'), tampered, { recursive: true })
    const database = await openDatabase(tampered)
    const range = { gte: numbered('q', 0n), lte: numbered('q', LAST_SEQUENCE) }
    for await (const [key, value] of database.iterator(range)) await database.put(key, flipped(value, -1))
    await database.close()
    const forged = await receipt('7', '--data', 'tampered', '--out', 'forged.receipt')
    assert.equal(forged.code, 1)
    assert.match(
      forged.stderr,
      /the receipt that tampered has does not hold: receipt: the signature does not fit/
    )
    assert.equal(existsSync(join(folder, 'forged.receipt')), false)
    const foreign = await tool(folder, 'receipt', '7', '--data', 'alice', '--network', 'other.json')
    assert.equal(foreign.code, 1)
    assert.match(foreign.stderr, /alice is of another network than "another"/)
  })
})
