import assert from 'node:assert/strict'
import { encodeTransfer } from '#src/applications/ledger/transfer.js'
import { genesisCursor } from '#src/chain/cursor.js'
import { Outbox } from '#src/client/outbox.js'
import { Submitter } from '#src/client/submitter.js'
import { Wallet } from '#src/client/wallet.js'
import { LIMITS } from '#src/core/limits.js'
import { FailingWrites } from '../helpers/failing-writes.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { makeWorkNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'

const FOREVER = new AbortController().signal

describe('a submitter', () => {
  it('signs nothing behind payments that did not get on disk, and gives their numbers again', async () => {
    const net = await makeWorkNetwork({ ledger: await ledgerOf({ alice: 1_000n }) })
    const alice = await Payer.create(net, 'alice')
    const { signed } = genesisCursor(net.rules)
    const database = await memoryDatabase()
    const outbox = await Outbox.open(database, net.network, alice.signer, () => 0)
    const wallet = await Wallet.open({
      database,
      maxReorg: undefined,
      account: async () => ({ signed, account: { id: alice.peerId, balance: 1_000n, sequence: 0n } }),
      distrust: () => undefined
    })
    const submitter = new Submitter({
      outbox,
      peers: () => [],
      submit: async () => [],
      unsigned: ({ sequence }) => wallet.release(sequence),
      clock: () => 0,
      report: () => undefined
    })
    const pay = async (): Promise<void> => {
      const reserved = await wallet.reserve(1n, FOREVER)
      assert.ok(reserved.ok)
      const body = encodeTransfer({ to: alice.peerId, amount: 1n, fee: 0n })
      submitter.submit({ body, payment: reserved.payment })
    }
    const signedNumbers = (): bigint[] => outbox.waiting().map(({ sequence }) => sequence)

    // More than are written at once.
    const count = LIMITS.bundleMessages + 44
    for (let number = 1; number <= count; number += 1) await pay()
    new FailingWrites(database, 1, 'before')
    await submitter.start()
    await submitter.settled(FOREVER)
    assert.deepEqual(signedNumbers(), [])
    assert.equal(submitter.summary().refused, count)
    await pay()
    await pay()
    await submitter.stop()
    assert.deepEqual(signedNumbers(), [1n, 2n])
  })
})
