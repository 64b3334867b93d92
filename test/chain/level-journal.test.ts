import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Journal } from '#src/chain/journal.js'
import { LevelJournal } from '#src/chain/level-journal.js'
import { MarkedJournal } from '#src/chain/marked-journal.js'
import { SequencerMark } from '#src/chain/signed-mark.js'
import { type Database, EPOCH_KEY, StoreError } from '#src/chain/store.js'
import { Author } from '../helpers/authors.js'
import { checkDatabase, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { FailingWrites, type WayToFail } from '../helpers/failing-writes.js'
import { receiptIssuer, runLog } from '../helpers/logs.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { describeJournal, type JournalStore } from './journal-conformance.js'

/** In a folder, with a mark in a folder of its own where there is one. */
class LevelStore implements JournalStore {
  private constructor(
    private readonly net: TestNetwork,
    private readonly cleanup: Cleanup,
    private readonly folder: string,
    private readonly marks: 'none' | 'marked' | 'whose mark fails',
    readonly database: Database,
    private readonly marksDatabase: Database
  ) {}

  static async in(
    folder: string,
    net: TestNetwork,
    cleanup: Cleanup,
    marks: LevelStore['marks']
  ): Promise<LevelStore> {
    const [database, marksDatabase] = [
      await openDatabase(join(folder, 'data')),
      await openDatabase(join(folder, 'mark'))
    ]
    cleanup.add(() => database.close())
    cleanup.add(() => marksDatabase.close())
    return new LevelStore(net, cleanup, folder, marks, database, marksDatabase)
  }

  async open(): Promise<Journal> {
    const journal = await LevelJournal.open(this.database, receiptIssuer(this.net))
    if (this.marks === 'none') return journal
    return new MarkedJournal(journal, await SequencerMark.open(this.marksDatabase, this.net.network))
  }

  async killed(): Promise<JournalStore> {
    const left = await this.cleanup.folder()
    for (const name of ['mark', 'data'])
      await cp(join(this.folder, name), join(left, name), { recursive: true })
    return LevelStore.in(left, this.net, this.cleanup, this.marks)
  }

  failNext(way: WayToFail): void {
    void new FailingWrites(this.marks === 'whose mark fails' ? this.marksDatabase : this.database, 1, way)
  }
}

describeJournal('on LevelDB', async (net, cleanup) =>
  LevelStore.in(await cleanup.folder(), net, cleanup, 'none')
)
describeJournal('on LevelDB, with a mark beside the key', async (net, cleanup) =>
  LevelStore.in(await cleanup.folder(), net, cleanup, 'marked')
)
describeJournal('on LevelDB, with a mark that cannot be written', async (net, cleanup) =>
  LevelStore.in(await cleanup.folder(), net, cleanup, 'whose mark fails')
)

describe('the epoch of a folder', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let database: Database

  beforeEach(async () => {
    net = await makeNetwork({ blockSize: 4 })
    database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
  })

  it('that was written before there were epochs is the first one', async () => {
    const folder = await cleanup.folder()
    const old = await openDatabase(folder)
    const log = await runLog(net, old)
    for (const message of (await Author.create(net, 'alice')).says(6)) log.queue.add(message)
    await log.settled(6)
    await log.cut(4)
    await log.queue.close()
    await old.del(EPOCH_KEY)
    await old.close()
    const reopened = await openDatabase(folder)
    cleanup.add(() => reopened.close())
    const { journal, queue } = await runLog(net, reopened)
    assert.deepEqual([journal.epoch, journal.end, queue.pending().count], [1n, 6, 2])
    await checkDatabase(reopened, net)
  })

  it('that is damaged is not gone on from', async () => {
    await database.put(EPOCH_KEY, new Uint8Array(7))
    await assert.rejects(LevelJournal.open(database, receiptIssuer(net)), StoreError)
  })

  it('that cannot be written is not used', async () => {
    void new FailingWrites(database, 1, 'before')
    await assert.rejects(LevelJournal.open(database, receiptIssuer(net)), /prewrite hook failed/)
    const journal = await LevelJournal.open(database, receiptIssuer(net))
    assert.deepEqual(await journal.append([]), [])
  })
})
