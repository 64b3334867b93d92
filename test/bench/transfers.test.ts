import assert from 'node:assert/strict'
import fc from 'fast-check'
import { applyBlock } from '#src/applications/application.js'
import { LedgerApplication } from '#src/applications/ledger/ledger.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import { accountsAfter, FUNDS, paymentsOf, spoken } from '#tools/bench/payments.js'
import { transfersEndToEnd } from '#tools/bench/transfers.js'
import { assertBytes } from '../helpers/bytes.js'
import { runs } from '../helpers/core.js'
import { blockBy, type Holder, holder, ledgerDocument, transferMessage } from '../helpers/ledger.js'

describe("the ledger's benchmark", () => {
  let holders: Holder[]
  let producer: Holder
  before(async () => {
    holders = await Promise.all(Array.from({ length: 6 }, (_, index) => holder(`account ${index}`)))
    producer = await holder('producer')
  })

  it('knows by plain sums what the ledger makes of its payments, in whatever order the payers come', () => {
    const ids = holders.map(({ id }) => id)
    const document = ledgerDocument(ids.map(id => ({ id, balance: FUNDS })))
    const ledger = new LedgerApplication(document)
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 3 })
          .chain(payers =>
            fc.tuple(fc.constant(payers), fc.array(fc.nat({ max: payers - 1 }), { maxLength: 20 }))
          ),
        ([payers, turns]) => {
          const count = turns.length
          const waiting = Array.from({ length: payers }, (_, payer) => [...paymentsOf(payer, ids, count)])
          // Each pays all of its payments in the end, whose turn it is first.
          const order = [...turns, ...Array.from({ length: payers * count }, (_, index) => index % payers)]
          const sequences = new Map<number, bigint>()
          const messages = order.flatMap(payer => {
            const payment = waiting[payer]?.shift()
            const author = holders[payer]
            if (payment === undefined || author === undefined) return []
            const sequence = (sequences.get(payer) ?? 0n) + 1n
            sequences.set(payer, sequence)
            return [transferMessage(author, sequence, { ...payment, fee: BigInt(spoken(payment).fee) })]
          })
          const applied = applyBlock(ledger, ledger.genesis(), blockBy(producer), messages)
          assert.ok(applied.ok)
          const sums = accountsAfter(ids, payers, count, producer.id)
          // Nothing makes an account of a producer that was paid nothing.
          const there = count === 0 ? sums.filter(({ id }) => id !== producer.id) : sums
          assertBytes(LedgerState.of(there).digest(), ledger.digest(applied.state))
        }
      ),
      runs(50)
    )
  })

  it('pays through a sequencer and clients in processes of their own, and loses nothing', async () => {
    const measured = await transfersEndToEnd({ transfers: 200, clients: 2, accounts: 20, muxers: ['yamux'] })
    const { transfers, accounts, lost, isStateRight } = measured
    assert.deepEqual(
      { transfers, accounts, lost, isStateRight },
      { transfers: 200, accounts: 20, lost: 0, isStateRight: true }
    )
    assert.ok(measured.perSecond > 0)
    assert.ok(measured.sequencerMsPerTransfer > 0)
    assert.ok(measured.clientsMsPerTransfer > 0)
  })
})
