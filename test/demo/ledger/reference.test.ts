import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LedgerApplication } from '#src/applications/ledger/ledger.js'
import { LedgerState } from '#src/applications/ledger/state.js'
import { transferId } from '#src/applications/ledger/transfer-set.js'
import { UnorderedLedger } from '#src/applications/ledger/unordered.js'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { encodeMessage } from '#src/core/message.js'
import { ReferenceLedger } from '#tools/demo/ledger/reference.js'
import { present } from '../../helpers/changes.js'
import { runs } from '../../helpers/core.js'
import { blockBy, type Holder, holder, ledgerDocument, transferMessage } from '../../helpers/ledger.js'

const REWARD = 7n

interface Planned {
  readonly from: number
  readonly to: number
  readonly amount: bigint
  readonly fee: bigint
}

const planned: fc.Arbitrary<Planned> = fc.record({
  from: fc.nat(3),
  to: fc.nat(3),
  amount: fc.bigInt({ min: 1n, max: 80n }),
  fee: fc.bigInt({ min: 0n, max: 3n })
})

describe('the ledger that the demo holds the real one against', () => {
  let holders: readonly Holder[]
  let miner: Holder
  let grants: readonly { readonly id: PeerIdBytes; readonly balance: bigint }[]

  before(async () => {
    holders = await Promise.all(['alice', 'bob', 'carol', 'dave'].map(name => holder(name)))
    miner = await holder('miner')
    grants = holders.slice(0, 3).map(({ id }) => ({ id, balance: 100n }))
  })

  function reference(): ReferenceLedger {
    return new ReferenceLedger(new Map(grants.map(({ id, balance }) => [toHex(id), balance])))
  }

  function signed({ from, to, amount, fee }: Planned, sequence: bigint) {
    const [author, receiver] = [present(holders[from]), present(holders[to])]
    return {
      message: transferMessage(author, sequence, { to: receiver.id, amount, fee }),
      transfer: { author: toHex(author.id), sequence, to: toHex(receiver.id), amount, fee }
    }
  }

  it('makes of valid transfers in blocks what the real one does', () => {
    const application = new LedgerApplication(ledgerDocument(grants, { reward: REWARD }))
    fc.assert(
      fc.property(fc.array(fc.array(planned, { maxLength: 5 }), { maxLength: 6 }), blocks => {
        const simple = reference()
        let state = application.genesis()
        for (const block of blocks) {
          let fees = 0n
          for (const plan of block) {
            const last = state.account(present(holders[plan.from]).id)?.sequence ?? 0n
            const { message, transfer } = signed(plan, last + 1n)
            const outcome = application.applyMessage(state, message)
            if (!outcome.ok) continue
            state = outcome.state
            simple.pay(transfer)
            fees += transfer.fee
          }
          state = application.endBlock(state, blockBy(miner))
          simple.credit(toHex(miner.id), REWARD + fees)
        }
        assert.ok(state instanceof LedgerState)
        for (const { id, balance } of state.all()) assert.equal(simple.balance(toHex(id)), balance)
        assert.equal(simple.sum, state.supply)
      }),
      runs(100)
    )
  })

  it('makes of any transfers what the real one does where nobody orders them', () => {
    fc.assert(
      fc.property(fc.array(planned, { maxLength: 30 }), plans => {
        const simple = reference()
        const ledger = new UnorderedLedger(ledgerDocument(grants))
        for (const [index, plan] of plans.entries()) {
          const { message, transfer } = signed(plan, BigInt(index + 1))
          assert.ok(ledger.count(transferId(encodeMessage(message)), message).ok)
          simple.pay(transfer)
        }
        assert.deepEqual(new Map([...simple.balances].sort()), new Map([...ledger.balances].sort()))
      }),
      runs(100)
    )
  })
})
