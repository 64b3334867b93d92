import assert from 'node:assert/strict'
import { type Database, StoreError } from '#src/chain/store.js'
import { toHex } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { type Stored, TransferStore } from '#src/replication/set/transfer-store.js'
import type { Made } from '../../helpers/authors.js'
import { flipped } from '../../helpers/bytes.js'
import { present } from '../../helpers/changes.js'
import { openDatabase } from '../../helpers/check-peer.js'
import { Cleanup } from '../../helpers/cleanup.js'
import { FailingWrites, WAYS_TO_FAIL } from '../../helpers/failing-writes.js'
import { memoryDatabase } from '../../helpers/memory-database.js'
import { Payer } from '../../helpers/payers.js'
import { makeUnorderedNetwork, type UnorderedTestNetwork } from '../../helpers/unordered.js'

describe('a store of transfers', () => {
  const cleanup = new Cleanup(afterEach)
  let net: UnorderedTestNetwork
  let alice: Payer
  let bob: Payer

  before(async () => {
    net = await makeUnorderedNetwork({ alice: 100n })
    alice = await Payer.create(net, 'alice')
    bob = await Payer.create(net, 'bob')
  })

  interface Opened {
    readonly store: TransferStore
    readonly failures: Error[]
    readonly sizes: number[]
  }

  async function open(database: Database, { network } = net): Promise<Opened> {
    const [failures, sizes]: [Error[], number[]] = [[], []]
    const store: TransferStore = await TransferStore.open({
      database,
      network,
      changed: () => sizes.push(store.transfers.size),
      failed: error => failures.push(error)
    })
    return { store, failures, sizes }
  }

  const kinds = (stored: readonly Stored[]): string[] => stored.map(({ kind }) => kind)

  function stateOf({ transfers, sums }: TransferStore): unknown {
    return { digest: toHex(transfers.digest()), sums: sums.page(undefined, 100) }
  }

  it('takes each transfer once, counts it once it is on disk, and has it again when it is opened again', async () => {
    const folder = await cleanup.folder()
    const database = await openDatabase(folder)
    const { store, sizes } = await open(database)
    const payments = [alice.pay(bob, 70n), alice.pay(bob, 70n), bob.pay(alice, 5n, { fee: 1n })]
    assert.deepEqual(kinds([...payments, ...payments].map(made => store.add(made))), [
      ...['accepted', 'accepted', 'accepted'],
      ...['known', 'known', 'known']
    ])
    assert.equal(store.transfers.size, 0)
    await store.stored()
    assert.deepEqual(sizes, [3])
    assert.deepEqual(kinds(payments.map(made => store.add(made))), ['known', 'known', 'known'])
    assert.deepEqual(
      [alice, bob].map(({ peerId }) => store.sums.balance(peerId)),
      [-35n, 134n]
    )
    await database.close()

    const again = await openDatabase(folder)
    cleanup.add(() => again.close())
    const reopened = await open(again)
    assert.deepEqual(stateOf(reopened.store), stateOf(store))
    assert.deepEqual(kinds([reopened.store.add(present(payments[0]))]), ['known'])
  })

  it('is written in groups, and whoever waits for one of them does not wait for those that come later', async () => {
    const { store, sizes } = await open(await memoryDatabase())
    store.add(alice.pay(bob, 1n))
    const first = store.stored()
    await Promise.resolve()
    const later = Array.from({ length: LIMITS.journalBatch + 1 }, () => store.add(alice.pay(bob, 1n)))
    assert.ok(later.every(({ kind }) => kind === 'accepted'))
    await first
    assert.equal(store.transfers.size, 1)
    await store.stored()
    assert.deepEqual(sizes, [1, 1 + LIMITS.journalBatch, 2 + LIMITS.journalBatch])
  })

  it('gives the messages of ids as they came, and leaves out those it does not have', async () => {
    const { store } = await open(await memoryDatabase())
    const [one, other, third] = [alice.pay(bob, 1n), bob.pay(alice, 2n), bob.pay(bob, 3n)]
    for (const made of [one, other]) store.add(made)
    await store.stored()
    const summary = store.transfers.summary('')
    assert.ok(summary.kind === 'ids')
    const [first] = summary.ids
    const given = await store.envelopes([...summary.ids, third.leaf, present(first)])
    assert.deepEqual(new Set(given.map(toHex)), new Set([one, other].map(({ envelope }) => toHex(envelope))))
    assert.equal(given.length, 3)
  })

  it('takes no more than a bound on their way to disk', async () => {
    const { store } = await open(await memoryDatabase())
    for (let count = 0; count < LIMITS.unwrittenTransfers; count += 1) store.add(alice.pay(bob, 1n))
    const one = alice.pay(bob, 1n)
    assert.deepEqual(kinds([store.add(one)]), ['full'])
    await store.stored()
    assert.deepEqual(kinds([store.add(one)]), ['accepted'])
  })

  for (const way of WAYS_TO_FAIL)
    it(`whose write fails, "${way}", tells so once, tells of nothing that is not on disk, and loses nothing of what was`, async () => {
      const database = await openDatabase(await cleanup.folder())
      cleanup.add(() => database.close())
      const first = await open(database)
      first.store.add(alice.pay(bob, 1n))
      await first.store.stored()
      new FailingWrites(database, 1, way)
      const lost = alice.pay(bob, 2n)
      first.store.add(lost)
      await assert.rejects(first.store.stored())
      assert.equal(first.failures.length, 1)
      assert.equal(first.store.transfers.size, 1)
      assert.deepEqual(kinds([first.store.add(alice.pay(bob, 3n))]), ['full'])
      await assert.rejects(first.store.stored())
      assert.equal(first.failures.length, 1)
      const { store } = await open(database)
      assert.equal(store.transfers.size, way === 'after' ? 2 : 1)
    })

  describe('that was damaged is not opened:', () => {
    let database: Database
    let made: Made
    let key: Uint8Array
    let value: Uint8Array

    beforeEach(async () => {
      database = await openDatabase(await cleanup.folder())
      cleanup.add(() => database.close())
      const { store } = await open(database)
      made = alice.pay(bob, 7n)
      store.add(made)
      await store.stored()
      ;[key, value] = present((await database.iterator({ lt: Buffer.from('n') }).all())[0])
    })

    async function expectFound(): Promise<void> {
      await assert.rejects(open(database), (error: unknown) => {
        assert.ok(error instanceof StoreError, String(error))
        return error.message !== ''
      })
    }

    it('any bit of a message, of its signature, or of what it was stored with', async () => {
      for (let index = 0; index < value.length; index += 1) {
        await database.put(key, flipped(value, index))
        await expectFound()
      }
      await database.put(key, value)
      await open(database)
    })

    it('a message under another id, or cut short', async () => {
      await database.put(flipped(key, 9), value)
      await expectFound()
      await database.del(flipped(key, 9))
      for (const length of [0, 7, 8, 100, value.length - 1]) {
        await database.put(key, value.slice(0, length))
        await expectFound()
      }
    })

    it('a key that no such store has', async () => {
      for (const strange of ['a', 'da', 'e', 'm000000', 'z']) {
        await database.put(Buffer.from(strange), Buffer.from('x'))
        await expectFound()
        await database.del(Buffer.from(strange))
      }
      await open(database)
    })

    it('the folder of another network', async () => {
      const other = await makeUnorderedNetwork({ alice: 100n }, { name: 'other' })
      await assert.rejects(open(database, other), StoreError)
    })
  })
})
