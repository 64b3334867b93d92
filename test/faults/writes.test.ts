import assert from 'node:assert/strict'
import { Chain } from '#src/chain/chain.js'
import type { Database } from '#src/chain/store.js'
import { Outbox } from '#src/client/outbox.js'
import type { Unreceipted } from '#src/client/outbox-entries.js'
import type { SignedHeader } from '#src/core/block.js'
import { type EnvelopeBytes, toHex, utf8 } from '#src/core/bytes.js'
import type { PeerEvent } from '#src/core/events.js'
import { Host } from '#src/network/host.js'
import { topicsOf } from '#src/network/names.js'
import { BlockImporter } from '#src/replication/chain/block-importer.js'
import { EquivocationDetector } from '#src/replication/evidence/equivocation-detector.js'
import { EvidenceKeeper } from '#src/replication/evidence/evidence-keeper.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { Author, type Made } from '../helpers/authors.js'
import { ChainMaker, EPOCH } from '../helpers/blocks.js'
import { assertBytes } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { type CheckedPeer, checkPeer, expectReceiptsHold, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { FailingWrites, WAYS_TO_FAIL, type WayToFail } from '../helpers/failing-writes.js'
import type { LogReceipt } from '../helpers/logs.js'
import { identity, makeNetwork, type TestNetwork } from '../helpers/networks.js'
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
        const appended = log.queue.add(message)
        if (appended.kind === 'known') known += 1
        else assert.equal(appended.kind, 'accepted')
      }
      offered += BLOCK_SIZE
      await log.reaches(offered - known, offered / BLOCK_SIZE - blocksBefore)
    }
    // What arrives while it stops.
    const next = messages[offered]
    if (next !== undefined) log.queue.add(next)
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
        const again = log.queue.add(present(messages[position]))
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
        // The first write binds the folder to its network; there is nothing to check before it. The second is the epoch.
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
        assert.equal(failing, 2 + 2 * BLOCKS + 1, 'each write has failed once')
        break
      }
    })
})

describe('each write of a follower fails in turn', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let honest: ChainMaker
  let lie: SignedHeader
  let pool: ValidationPool

  before(async () => {
    net = await makeNetwork({ blockSize: BLOCK_SIZE })
    const alice = await Author.create(net, 'alice')
    honest = new ChainMaker(net)
    const messages = alice.says(BLOCK_SIZE * BLOCKS)
    honest.addAll(messages.slice(0, BLOCK_SIZE))
    lie = honest.forge(alice.says(BLOCK_SIZE)).signed
    honest.addAll(messages.slice(BLOCK_SIZE))
    pool = new ValidationPool(net.network)
    await pool.start()
  })

  after(() => pool.stop())

  interface Said {
    readonly announced: readonly SignedHeader[]
    readonly evidence: number
    readonly hasFailed: boolean
  }

  /** Takes all blocks, and then sees another one of the second height, unless it has failed by then. */
  async function script(database: Database): Promise<Said> {
    const announced: SignedHeader[] = []
    const events: PeerEvent[] = []
    const topic = topicsOf(net.network.id).evidence
    const host = await Host.create({ key: await identity('follower'), listen: [], topics: [topic] })
    await host.start()
    try {
      const chain = await Chain.open(database, net.rules)
      const importer = new BlockImporter(chain, pool, 'full', () => EPOCH)
      const report = (event: PeerEvent): void => void events.push(event)
      const { network } = net
      const keeper = new EvidenceKeeper({
        host,
        topic,
        database,
        network,
        clock: () => 0,
        isRight: () => false,
        failed: assert.ifError,
        report,
        convicted: () => undefined
      })
      const detector = new EquivocationDetector(chain, bytes => keeper.suspect(bytes))
      await keeper.start()
      for (const block of honest.blocks) {
        const imported = await importer.import(block, importer.check(block))
        assert.ok(imported.kind === 'extended' || imported.kind === 'known', imported.kind)
        if (imported.kind === 'extended') announced.push(imported.signed)
      }
      detector.examine(lie)
      await keeper.stop()
    } catch (error) {
      assert.match(String(error), /prewrite hook failed|did not answer/)
      return { announced, evidence: 0, hasFailed: true }
    } finally {
      await host.stop()
    }
    const count = (kind: PeerEvent['event']): number => events.filter(({ event }) => event === kind).length
    return { announced, evidence: count('evidence'), hasFailed: count('warning') > 0 }
  }

  async function run(folder: string, prepare: (database: Database) => void): Promise<Said> {
    const database = await openDatabase(folder)
    try {
      prepare(database)
      return await script(database)
    } finally {
      await database.close()
    }
  }

  for (const way of WAYS_TO_FAIL)
    it(`${WHAT[way]}: each block and each piece of evidence is there whole or not at all, and a restart goes on`, async () => {
      const writes = 1 + BLOCKS + 1
      for (let failing = 1; failing <= writes + 1; failing += 1) {
        const folder = await cleanup.folder()
        const said = await run(folder, database => void new FailingWrites(database, failing, way))
        assert.equal(said.hasFailed, failing <= writes, `write ${failing} of ${writes}`)
        if (failing > 1 || way === 'after') {
          const checked = await checkPeer(folder, net, { receipts: false })
          const written = Math.min(failing, writes) - (way === 'after' || failing > writes ? 0 : 1)
          assert.deepEqual(
            [checked.height, checked.evidence],
            [Math.min(written - 1, BLOCKS), Math.max(0, written - 1 - BLOCKS)]
          )
          for (const { header, id } of said.announced)
            assertBytes(checked.headers[header.height - 1]?.id, id, 'as announced')
        }
        const again = await run(folder, () => undefined)
        assert.deepEqual([again.evidence, again.hasFailed], [1, false])
        const checked = await checkPeer(folder, net, { receipts: false })
        assert.deepEqual([checked.height, checked.evidence], [BLOCKS, 1])
      }
    })
})

describe("each write of a client's outbox fails in turn", () => {
  const cleanup = new Cleanup(afterEach)
  const drafts = ['a', 'b', 'c'].map(text => ({ body: utf8(`{"text":"${text}"}`) }))
  let net: TestNetwork
  let alice: Author

  before(async () => {
    net = await makeNetwork()
    alice = await Author.create(net, 'alice')
  })

  /** All that was ever shown to the world, by sequence: no two messages may share one. */
  class Shown {
    readonly #leaves = new Map<bigint, string>()

    show(messages: readonly Unreceipted[]): void {
      for (const { sequence, leaf } of messages) {
        const other = this.#leaves.get(sequence)
        assert.ok(other === undefined || other === toHex(leaf), `sequence ${sequence} is used twice`)
        this.#leaves.set(sequence, toHex(leaf))
      }
    }
  }

  interface Told {
    /** Said to be on disk, and neither settled nor discarded. */
    readonly owed: readonly Unreceipted[]
    readonly kept: readonly EnvelopeBytes[]
    /** In calls that failed: they may be there or not, all of a call. */
    readonly doubtful: readonly (readonly Unreceipted[])[]
    /** Messages of a call that failed, which nobody has been shown. */
    readonly unknown: number
    readonly failures: number
  }

  function open(database: Database): Promise<Outbox> {
    return Outbox.open(database, net.network, alice.signer, () => EPOCH)
  }

  /** Goes on after a failure, as a client does. */
  async function script(database: Database, shown: Shown): Promise<Told> {
    let owed: Unreceipted[] = []
    const kept: EnvelopeBytes[] = []
    const doubtful: Unreceipted[][] = []
    let unknown = 0
    let failures = 0
    const trying = async (action: () => Promise<void>, otherwise: () => void): Promise<void> => {
      await action().catch(() => {
        failures += 1
        otherwise()
      })
    }
    const opened = await open(database).catch(() => undefined)
    if (opened === undefined) return { owed, kept, doubtful, unknown, failures: 1 }
    const outbox = opened
    const adding = (count: number): Promise<void> =>
      trying(
        async () => {
          const added = await outbox.add(drafts.slice(0, count), alice.context)
          shown.show(added)
          owed.push(...added)
          unknown = 0
        },
        () => {
          unknown = count
        }
      )
    const dropping = async (count: number, receipt?: EnvelopeBytes): Promise<void> => {
      const messages = owed.slice(0, count)
      const [first] = messages
      if (first === undefined) return
      owed = owed.slice(count)
      await trying(
        async () => {
          if (receipt === undefined) await outbox.discard(first)
          else {
            await outbox.settle(messages, receipt)
            kept.push(receipt)
          }
        },
        () => doubtful.push(messages)
      )
    }
    await adding(3)
    await adding(2)
    await dropping(2, utf8('a receipt') as EnvelopeBytes)
    await dropping(1)
    await adding(1)
    await dropping(1, utf8('another') as EnvelopeBytes)
    await adding(2)
    return { owed, kept, doubtful, unknown, failures }
  }

  for (const way of WAYS_TO_FAIL)
    it(`${WHAT[way]}: what it took is there until it is settled, and no sequence is used twice`, async () => {
      // Two of them say that no body lies open.
      const writes = 10
      for (let failing = 1; failing <= writes + 1; failing += 1) {
        const folder = await cleanup.folder()
        const shown = new Shown()
        const database = await openDatabase(folder)
        cleanup.add(() => database.close())
        const disk = new FailingWrites(database, failing, way)
        const told = await script(database, shown)
        await database.close()
        assert.equal(disk.hasFailed, failing <= writes, `write ${failing} of ${writes}`)
        assert.equal(told.failures > 0, failing <= writes)

        const again = await openDatabase(folder)
        cleanup.add(() => again.close())
        const outbox = await open(again)
        const waiting = outbox.waiting()
        shown.show(waiting)
        const names = new Set(waiting.map(({ leaf }) => toHex(leaf)))
        for (const { leaf, sequence } of told.owed) assert.ok(names.delete(toHex(leaf)), `lost: ${sequence}`)
        for (const messages of told.doubtful) {
          const there = messages.filter(({ leaf }) => names.delete(toHex(leaf)))
          assert.equal(there.length, way === 'after' ? 0 : messages.length, 'all of a write or none')
        }
        assert.equal(names.size, way === 'after' ? told.unknown : 0, 'nothing that was never added')
        const receipts = (await outbox.receipts()).map(bytes => toHex(bytes))
        for (const receipt of told.kept) assert.ok(receipts.includes(toHex(receipt)))
        shown.show(await outbox.add(drafts, alice.context))
        await again.close()
      }
    })
})
