import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { cp, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { openDatabase as openAsProgram } from '#src/cli/files.js'
import { damageIn } from '#src/cli/write-ahead-log.js'
import { Author, type Made } from '../helpers/authors.js'
import { present } from '../helpers/changes.js'
import { checkDatabase, checkPeer, expectReceiptsHold, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { flipped, runs } from '../helpers/core.js'
import type { LogReceipt } from '../helpers/logs.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { ProducingLog } from '../helpers/producing-log.js'
import { Program, SEQUENCER_OPTIONS, writeSequencerFiles } from '../helpers/program.js'

const BLOCK_SIZE = 60
const BLOCKS = 3

/** LevelDB writes a batch as one record of its write-ahead log: half of one is what a crash leaves at its end. */
describe('a write-ahead log that is torn or damaged', () => {
  const cleanup = new Cleanup(afterEach)
  const shared = new Cleanup(after)
  let net: TestNetwork
  let messages: readonly Made[]
  let folder: string
  let name: string
  let receipts: readonly LogReceipt[]
  /** Where each write ends: the network document, then messages and a block in turn. */
  const ends: number[] = []

  before(async () => {
    net = await makeNetwork({ blockSize: BLOCK_SIZE })
    messages = (await Author.create(net, 'alice')).says(BLOCKS * BLOCK_SIZE)
    folder = await shared.folder()
    const database = await openDatabase(folder)
    name = present((await readdir(folder)).find(file => file.endsWith('.log')))
    database.on('write', () => ends.push(statSync(join(folder, name)).size))
    const log = await ProducingLog.start(net, database)
    for (let block = 1; block <= BLOCKS; block += 1) {
      for (const message of messages.slice((block - 1) * BLOCK_SIZE, block * BLOCK_SIZE))
        log.journal.append(message)
      await log.reaches(block * BLOCK_SIZE, block)
    }
    await log.close()
    await database.close()
    receipts = [...log.receipts.values()]
    assert.equal(ends.length, 1 + 2 * BLOCKS)
  })

  /** What is there after so many writes. */
  function thereAfter(writes: number): { readonly messages: number; readonly blocks: number } {
    return { messages: Math.floor(writes / 2) * BLOCK_SIZE, blocks: Math.floor((writes - 1) / 2) }
  }

  async function expectExactly(copy: string, writes: number): Promise<void> {
    const database = await openAsProgram(copy)
    cleanup.add(() => database.close())
    const checked = await checkDatabase(database, net)
    await database.close()
    const expected = thereAfter(writes)
    assert.deepEqual([checked.messages.length, checked.height], [expected.messages, expected.blocks])
    expectReceiptsHold(
      checked,
      receipts.filter(({ position }) => position < expected.messages)
    )
  }

  async function copyOf(change: (log: Buffer) => Uint8Array): Promise<string> {
    const copy = join(await cleanup.folder(), 'copy')
    await cp(folder, copy, { recursive: true })
    await writeFile(join(copy, name), change(await readFile(join(copy, name))))
    return copy
  }

  for (const [what, tail] of [
    ['ends there', () => new Uint8Array(0)],
    [
      'goes on with zeros, as blocks of the disk that were not written',
      (bytes: number) => new Uint8Array(bytes)
    ]
  ] as const)
    it(`torn in any of its writes, where it ${what}: all writes before are there, and nothing of that one`, async () => {
      for (let write = 2; write <= ends.length; write += 1) {
        const [start, end] = [present(ends[write - 2]), present(ends[write - 1])]
        for (const cut of [start + 3, Math.floor((start + end) / 2), end - 8]) {
          const copy = await copyOf(log => Buffer.concat([log.subarray(0, cut), tail(end - cut)]))
          await expectExactly(copy, write - 1)
        }
      }
    })

  it('a sequencer goes on from there: what is sent again gets the places it would have had', async () => {
    const cut = Math.floor((present(ends[3]) + present(ends[2])) / 2)
    const copy = await copyOf(log => log.subarray(0, cut))
    const database = await openAsProgram(copy)
    cleanup.add(() => database.close())
    const log = await ProducingLog.start(net, database)
    for (const message of messages) log.journal.append(message)
    await log.reaches((BLOCKS - 1) * BLOCK_SIZE, BLOCKS - 1)
    await log.close()
    await database.close()
    const checked = await checkPeer(copy, net)
    assert.deepEqual([checked.height, checked.pending], [BLOCKS, 0])
    expectReceiptsHold(checked, receipts)
    expectReceiptsHold(checked, log.receipts.values())
  })

  it('a bit changed anywhere before the last write is found, and said with its place', async () => {
    const whole = await readFile(join(folder, name))
    const lastStart = present(ends.at(-2))
    await fc.assert(
      fc.asyncProperty(fc.nat(lastStart - 1), fc.nat(7), async (at, bit) => {
        const found = present(damageIn(Buffer.from(flipped(whole, at, 1 << bit))), 'the damage')
        assert.ok(found <= at, `found at ${found}, is at ${at}`)
      }),
      runs(200)
    )
    const copy = await copyOf(log => flipped(log, Math.floor(lastStart / 2)))
    await assert.rejects(openAsProgram(copy), /is damaged at byte \d+: .*restore .* from a copy/)
    await assert.rejects(openAsProgram(copy), /is damaged/, 'it is left as it was')
  })

  it('a bit changed in the last write cannot be told from a torn one: it is gone whole', async () => {
    const [start, end] = [present(ends.at(-2)), present(ends.at(-1))]
    for (const at of [start, start + 5, start + 6, Math.floor((start + end) / 2), end - 1])
      await expectExactly(await copyOf(log => flipped(log, at)), ends.length - 1)
  })

  it('a whole one is taken as it is, and an empty one too', async () => {
    assert.equal(damageIn(await readFile(join(folder, name))), undefined)
    await expectExactly(await copyOf(log => log), ends.length)
    const copy = join(await cleanup.folder(), 'copy')
    await cp(folder, copy, { recursive: true })
    await truncate(join(copy, name), 0)
    await (await openAsProgram(copy)).close()
  })

  it('a bit changed in a table, where LevelDB moves the log to: the program does not serve it', async () => {
    const home = await cleanup.folder()
    await writeSequencerFiles(home, net)
    // An open moves the log into a table.
    const data = join(home, 'sequencer')
    await cp(folder, data, { recursive: true })
    await (await openAsProgram(data)).close()
    const table = join(data, present((await readdir(data)).find(file => file.endsWith('.ldb'))))
    const whole = await readFile(table)
    for (let part = 0; part < 6; part += 1) {
      await writeFile(table, flipped(whole, Math.floor(((part + 0.5) / 6) * whole.length)))
      const program = Program.start(cleanup, home, [...SEQUENCER_OPTIONS, '--listen', '/ip4/127.0.0.1/tcp/0'])
      await program.until('it starts or ends', () => program.of('started').length > 0 || !program.isRunning)
      if (program.isRunning) {
        // One byte in a thousand is a checksum that nobody looks at: nothing is wrong then.
        await program.kill('SIGKILL')
        await checkPeer(data, net, { openingKeys: 'sealed' })
        break
      }
      const { code, signal } = await program.exit()
      // LevelDB itself ends the process where it finds a key that cannot be one.
      assert.ok(code === 1 || signal === 'SIGABRT', `${code} ${signal}`)
      if (code === 1) assert.match(program.stderr.join('\n'), /^error: .+; restore/m)
    }
  })
})
