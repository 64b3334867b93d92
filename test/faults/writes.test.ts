import assert from 'node:assert/strict'
import type { Database } from '#src/chain/store.js'
import type { SignedHeader } from '#src/core/block.js'
import { toHex } from '#src/core/bytes.js'
import { Author, type Made } from '../helpers/authors.js'
import { assertBytes } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { type CheckedPeer, checkPeer, expectReceiptsHold, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { FailingWrites, WAYS_TO_FAIL, type WayToFail } from '../helpers/failing-writes.js'
import type { LogReceipt } from '../helpers/logs.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { ProducingLog } from '../helpers/producing-log.js'

const WHAT: Record<WayToFail, string> = {
  before: 'with nothing written',
  full: 'and every later one, as the disk is full',
  after: 'though all of it was written'
}

/** Three blocks, the last of which fills a tile of the log tree. */
const BLOCK_SIZE = 90
const BLOCKS = 3

describe('each write of a sequencer fails in turn', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let messages: readonly Made[]

  before(async () => {
    net = await makeNetwork({ blockSize: BLOCK_SIZE })
    const authors = await Promise.all(['alice', 'bob'].map(name => Author.create(net, name)))
    messages = Array.from({ length: BLOCK_SIZE * BLOCKS }, (_, index) =>
      present(authors[index % 2]).say({ text: `message ${index}` })
    )
  })

  /** What was said to the world before it ended. */
  interface Said {
    readonly receipts: readonly LogReceipt[]
    readonly announced: readonly SignedHeader[]
    readonly hasFailed: boolean
  }

  /** Offers all messages, a block's worth at a time, until they are in blocks or a write has failed. */
  async function script(database: Database, failing?: FailingWrites): Promise<Said> {
    const log = await ProducingLog.start(net, database).catch((error: unknown) => {
      assert.ok(failing?.hasFailed, String(error))
    })
    if (log === undefined) return { receipts: [], announced: [], hasFailed: true }
    const blocksBefore = log.chain.head().header.height
    let offered = 0
    let known = 0
    while (offered < messages.length && log.failures.length === 0) {
      for (const message of messages.slice(offered, offered + BLOCK_SIZE)) {
        const appended = log.journal.append(message)
        if (appended.kind === 'known') known += 1
        else assert.equal(appended.kind, 'accepted')
      }
      offered += BLOCK_SIZE
      await log.reaches(offered - known, offered / BLOCK_SIZE - blocksBefore)
    }
    // What arrives while it stops.
    const next = messages[offered]
    if (next !== undefined) log.journal.append(next)
    await log.close()
    assert.equal(log.failures.length > 0, failing?.hasFailed === true)
    assert.ok(log.failures.length <= 2, 'the journal tells once, and so does the producer')
    return {
      receipts: [...log.receipts.values()],
      announced: log.announced,
      hasFailed: log.failures.length > 0
    }
  }

  async function run(folder: string, failing: number, way: WayToFail): Promise<Said> {
    const database = await openDatabase(folder)
    try {
      return await script(database, new FailingWrites(database, failing, way))
    } finally {
      await database.close()
    }
  }

  async function recover(folder: string, { receipts }: Said): Promise<void> {
    const database = await openDatabase(folder)
    try {
      const log = await ProducingLog.start(net, database)
      for (const { position, bytes } of receipts) {
        const again = log.journal.append(present(messages[position]))
        assert.ok(again.kind === 'known')
        assertBytes(again.receipt, bytes, 'the receipt it had')
      }
      await log.close()
      await script(database)
    } finally {
      await database.close()
    }
  }

  function expectTrue(said: Said, checked: CheckedPeer): void {
    expectReceiptsHold(checked, said.receipts)
    for (const { header, id } of said.announced)
      assertBytes(
        checked.headers[header.height - 1]?.id,
        id,
        `block ${header.height} is on disk as announced`
      )
  }

  for (const way of WAYS_TO_FAIL)
    it(`${WHAT[way]}: what was said holds, the rest is there whole or not at all, and a restart goes on`, async () => {
      for (let failing = 1; ; failing += 1) {
        const folder = await cleanup.folder()
        const said = await run(folder, failing, way)
        // The first write binds the folder to its network; there is nothing to check before it.
        if (failing > 1 || way === 'after') expectTrue(said, await checkPeer(folder, net))
        await recover(folder, said)
        const checked = await checkPeer(folder, net)
        expectTrue(said, checked)
        assert.deepEqual(
          checked.messages.map(({ leaf }) => toHex(leaf)),
          messages.map(({ leaf }) => toHex(leaf)),
          'every message once, in its place'
        )
        assert.deepEqual([checked.height, checked.pending], [BLOCKS, 0])
        if (said.hasFailed) continue
        assert.equal(failing, 1 + 2 * BLOCKS + 1, 'each write has failed once')
        break
      }
    })
})
