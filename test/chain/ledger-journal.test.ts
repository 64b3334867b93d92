import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LedgerState } from '#src/applications/ledger/state.js'
import type { Added } from '#src/chain/pending-queue.js'
import { type Database, messageWrites, StoreError, writeDurably } from '#src/chain/store.js'
import type { PeerIdBytes } from '#src/core/bytes.js'
import { isPassing, type Reason } from '#src/core/refusal.js'
import type { Made } from '../helpers/authors.js'
import { present } from '../helpers/changes.js'
import { runs } from '../helpers/core.js'
import { runLog, type TestLog } from '../helpers/logs.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'

const BLOCK_SIZE = 4
const NAMES = ['alice', 'bob', 'carol'] as const

describe('the journal of a ledger', () => {
  let net: TestNetwork
  let alice: Payer
  let bob: Payer
  let carol: Payer
  let database: Database
  let log: TestLog

  beforeEach(async () => {
    net = await makeNetwork({ blockSize: BLOCK_SIZE, ledger: await ledgerOf({ alice: 100n, bob: 10n }) })
    ;[alice, bob, carol] = await payers()
    database = await memoryDatabase()
    log = await runLog(net, database)
  })

  async function payers(): Promise<[Payer, Payer, Payer]> {
    const [first, second, third] = NAMES
    return [await Payer.create(net, first), await Payer.create(net, second), await Payer.create(net, third)]
  }

  function outcomeOf(appended: Added): Reason | Added['kind'] {
    return appended.kind === 'refused' ? appended.refusal.reason : appended.kind
  }

  /** In turn, with what becomes of each. */
  function append(...messages: readonly Made[]): string[] {
    return messages.map(message => outcomeOf(log.queue.add(message)))
  }

  function balanceOf({ peerId }: { readonly peerId: PeerIdBytes }): bigint {
    assert.ok(log.chain.state instanceof LedgerState)
    return log.chain.state.account(peerId)?.balance ?? 0n
  }

  it('gives no position to what is not valid after all that came before, and says why', async () => {
    const outcomes = append(
      alice.pay(bob, 101n, { sequence: 1n }),
      alice.pay(bob, 60n, { sequence: 2n }),
      alice.pay(bob, 60n, { sequence: 1n }),
      alice.pay(carol, 60n, { sequence: 1n }),
      alice.pay(bob, 41n, { sequence: 2n }),
      alice.pay(bob, 40n, { sequence: 2n }),
      carol.pay(alice, 1n)
    )
    assert.deepEqual(outcomes, [
      'overdraft',
      'sequence gap',
      'accepted',
      'taken',
      'overdraft',
      'accepted',
      'overdraft'
    ])
    await log.settled(2)
    assert.deepEqual(
      [...log.receipts.values()].map(({ position }) => position),
      [0, 1]
    )
  })

  it('a gap is for now alone, what is spent is for good', () => {
    assert.ok(isPassing('sequence gap'))
    assert.ok(!isPassing('overdraft') && !isPassing('sequence taken'))
  })

  it('lets be spent what came in the message before, also in the same block', async () => {
    const outcomes = append(
      alice.pay(carol, 100n),
      carol.pay(bob, 50n),
      bob.pay(carol, 60n),
      carol.pay(alice, 110n)
    )
    assert.deepEqual(outcomes, ['accepted', 'accepted', 'accepted', 'accepted'])
    await log.settled(4)
    await log.cut(BLOCK_SIZE)
    assert.deepEqual([alice, bob, carol].map(balanceOf), [110n, 0n, 0n])
  })

  it('goes on from what was pending when it is opened again', async () => {
    append(alice.pay(carol, 100n), carol.pay(bob, 30n))
    await log.settled(2)
    log = await runLog(net, database)
    assert.deepEqual(append(carol.pay(bob, 71n, { sequence: 2n }), carol.pay(bob, 70n, { sequence: 2n })), [
      'overdraft',
      'accepted'
    ])
    await log.settled(1)
    assert.equal(log.queue.pending().count, 3)
  })

  it('is not opened over a pending message that is not valid: StoreError', async () => {
    await writeDurably(database, messageWrites(alice.pay(bob, 101n), 0, 0))
    await assert.rejects(runLog(net, database), (error: unknown) => {
      assert.ok(error instanceof StoreError)
      assert.match(error.message, /^the message at position 0 is not valid after those before it: 101 /)
      return true
    })
  })

  it('lets the sequencer spend the fees of a block, however many messages wait behind it', async () => {
    const sequencer = await Payer.create(net, net.key)
    for (let count = 0; count < 3 * BLOCK_SIZE; count += 1) append(alice.pay(bob, 1n, { fee: 2n }))
    await log.settled(3 * BLOCK_SIZE)
    const fees = 2n * BigInt(BLOCK_SIZE)
    assert.deepEqual(append(sequencer.pay(alice, fees, { sequence: 1n })), ['overdraft'])
    await log.cut(BLOCK_SIZE)
    assert.deepEqual(
      append(
        sequencer.pay(alice, fees + 1n, { sequence: 1n }),
        sequencer.pay(alice, fees, { sequence: 1n }),
        sequencer.pay(alice, 1n, { sequence: 2n })
      ),
      ['overdraft', 'accepted', 'overdraft']
    )
    await log.settled(3 * BLOCK_SIZE + 1)
    await log.cut(BLOCK_SIZE)
    await log.cut(BLOCK_SIZE)
    assert.deepEqual(append(sequencer.pay(alice, 2n * fees, { sequence: 2n })), ['accepted'])
  })

  interface Payment {
    readonly from: number
    readonly to: number
    readonly amount: bigint
    /** Of the account's next number. */
    readonly off: bigint
  }

  const payments: fc.Arbitrary<Payment | 'cut' | 'reopen'> = fc.oneof(
    {
      arbitrary: fc.record({
        from: fc.nat(2),
        to: fc.nat(2),
        amount: fc.bigInt({ min: 1n, max: 80n }),
        off: fc.constantFrom(0n, 0n, 0n, 0n, 1n, -1n)
      }),
      weight: 12
    },
    { arbitrary: fc.constant('cut' as const), weight: 3 },
    { arbitrary: fc.constant('reopen' as const), weight: 1 }
  )

  it('accepts exactly what is covered and has the next number, whatever comes, and cuts blocks of it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(payments, { maxLength: 40 }), async steps => {
        database = await memoryDatabase()
        log = await runLog(net, database)
        const all = await payers()
        const balances = [100n, 10n, 0n]
        const numbers = [0n, 0n, 0n]
        let accepted = 0
        let inBlocks = 0
        for (const [time, step] of steps.entries()) {
          if (step !== 'cut' && step !== 'reopen') {
            const { from, to, amount, off } = step
            const [payer, receiver] = [present(all[from]), present(all[to])]
            const sequence = present(numbers[from]) + 1n + off
            if (sequence < 1n) continue
            const isValid = off === 0n && amount <= present(balances[from])
            // No two are the same.
            const [outcome] = append(payer.pay(receiver, amount, { sequence, time }))
            assert.equal(outcome === 'accepted', isValid)
            if (!isValid) continue
            accepted += 1
            numbers[from] = sequence
            balances[from] = present(balances[from]) - amount
            balances[to] = present(balances[to]) + amount
          } else if (step === 'reopen') {
            await log.queue.close()
            log = await runLog(net, database)
          } else if (accepted - inBlocks >= BLOCK_SIZE) {
            await log.queue.close()
            await log.cut(BLOCK_SIZE)
            inBlocks += BLOCK_SIZE
          }
        }
        await log.queue.close()
        assert.equal(log.queue.pending().count, accepted - inBlocks)
        if (accepted === inBlocks) assert.deepEqual(all.map(balanceOf), balances)
      }),
      runs(60)
    )
  })
})
