import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { cp, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { openDatabase as openAsProgram } from '#src/cli/files/files.js'
import { damageIn } from '#src/cli/files/write-ahead-log.js'
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
  /** Where each write ends: the network document, the journal's epoch, then messages and a block in turn. */
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
        log.queue.add(message)
      await log.reaches(block * BLOCK_SIZE, block)
    }
    await log.close()
    await database.close()
    receipts = [...log.receipts.values()]
    assert.equal(ends.length, 2 + 2 * BLOCKS)
  })

  /** What is there after so many writes. */
  function thereAfter(writes: number): { readonly messages: number; readonly blocks: number } {
    return {
      messages: Math.floor((writes - 1) / 2) * BLOCK_SIZE,
      blocks: Math.max(0, Math.floor((writes - 2) / 2))
    }
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
    const cut = Math.floor((present(ends[4]) + present(ends[3])) / 2)
    const copy = await copyOf(log => log.subarray(0, cut))
    const database = await openAsProgram(copy)
    cleanup.add(() => database.close())
    const log = await ProducingLog.start(net, database)
    for (const message of messages) log.queue.add(message)
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
    await assert.rejects(openAsProgram(copy), /is damaged at byte \d+: LevelDB would drop/)
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
      if (code === 1)
        assert.match(program.stderr.join('\n'), /^error: .+; do not delete .*fetch the log back/m)
    }
  })
})

/** A sound fragment of LevelDB's log format: what a stranger can put into a message. */
function fragment(type: number, data: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(6), Uint8Array.of(type), data])
  let crc = 0xffffffff
  for (const byte of bytes.subarray(6)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  crc = (crc ^ 0xffffffff) >>> 0
  bytes.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, 0)
  bytes.writeUInt16LE(data.length, 4)
  return bytes
}

/** The beginning of a write of LevelDB: the number of its first operation, and how many it has. */
function numbered(first: bigint, length: number): Buffer {
  const data = Buffer.alloc(length)
  data.writeBigUInt64LE(first, 0)
  data.writeUInt32LE(1, 8)
  return data
}

describe('a torn last write in which strangers have put bytes that look like a write', () => {
  const cleanup = new Cleanup(after)
  const WRITES = 5

  /** A log of a few writes, the last of which holds the chosen bytes, and where that one begins. */
  async function logWith(chosen: Uint8Array): Promise<{ readonly log: Buffer; readonly last: number }> {
    const folder = await cleanup.folder()
    const database = await openDatabase(folder)
    const path = join(folder, present((await readdir(folder)).find(file => file.endsWith('.log'))))
    for (let write = 0; write < WRITES; write += 1)
      await database
        .batch()
        .put(Uint8Array.of(write), new Uint8Array(700).fill(write + 1))
        .write({ sync: true })
    const last = statSync(path).size
    await database
      .batch()
      .put(Uint8Array.of(WRITES), chosen)
      .put(Uint8Array.of(9), new Uint8Array(40))
      .write({ sync: true })
    await database.close()
    return { log: await readFile(path), last }
  }

  const empty = fragment(1, new Uint8Array(0))
  const numbers = [0n, 1n, 5n, 6n, 7n, 8n, 9n, 100n, 2n ** 63n]
  const CHOSEN: readonly (readonly [string, Buffer])[] = [
    ['seven bytes', empty],
    ['seven bytes, again and again', Buffer.alloc(40_000, empty)],
    ['the beginning of a long write', fragment(2, new Uint8Array(0))],
    ...numbers.map(
      first => [`writes numbered ${first}`, Buffer.alloc(9_000, fragment(1, numbered(first, 12)))] as const
    ),
    ['writes of all those numbers', Buffer.concat(numbers.map(first => fragment(1, numbered(first, 30))))]
  ]

  /** All the ways in which pages of the last write can be missing: from some byte on, up to there, or in between. */
  function* torn(log: Buffer, last: number): Iterable<Buffer> {
    const length = log.length - last
    for (let part = 0; part < 7; part += 1) {
      const cut = last + 1 + Math.floor((part / 7) * (length - 1))
      yield log.subarray(0, cut)
      yield Buffer.concat([log.subarray(0, cut), Buffer.alloc(log.length - cut)])
      yield Buffer.concat([
        log.subarray(0, cut),
        Buffer.alloc(Math.min(512, log.length - cut)),
        log.subarray(cut + 512)
      ])
      // The page with the header of the write is missing.
      yield Buffer.concat([log.subarray(0, last), Buffer.alloc(cut - last), log.subarray(cut)])
    }
  }

  it('is told from damage, whatever they are: a sequencer starts', async () => {
    for (const [what, chosen] of CHOSEN) {
      const { log, last } = await logWith(chosen)
      assert.equal(damageIn(log), undefined, what)
      for (const changed of torn(log, last)) assert.equal(damageIn(changed), undefined, what)
    }
  })

  it('and damage before it is still found, by a bit, a lost header or a lost sector', async () => {
    for (const [what, chosen] of CHOSEN.slice(0, 4)) {
      const { log, last } = await logWith(chosen)
      for (let at = 0; at < last; at += 3)
        for (const bit of [0, 3, 7])
          assert.ok(present(damageIn(Buffer.from(flipped(log, at, 1 << bit))), `${what}: ${at}`) <= at)
      for (let at = 0; at + 512 <= last - 800; at += 97) {
        const lost = Buffer.from(log)
        lost.fill(0, at, at + 512)
        assert.ok(present(damageIn(lost), `${what}: a sector at ${at}`) <= at)
      }
    }
  })
})
