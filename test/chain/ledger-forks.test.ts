import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LedgerState } from '#src/applications/ledger/state.js'
import { decodeTransfer } from '#src/applications/ledger/transfer.js'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { decodeMessage } from '#src/core/message.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import type { Made } from '../helpers/authors.js'
import { present } from '../helpers/changes.js'
import { runs } from '../helpers/core.js'
import { EqualLog } from '../helpers/equals.js'
import { ForkMaker, GENESIS } from '../helpers/fork-maker.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { ledgerOf, Payer } from '../helpers/payers.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

const NAMES = ['alice', 'bob', 'carol'] as const
const GRANTS = { alice: 100n, bob: 50n }
const REWARD = 7n

interface PlannedPayment {
  readonly from: number
  readonly to: number
  readonly amount: bigint
  readonly fee: bigint
}

interface PlannedBlock {
  /** Modulo the blocks before it. */
  readonly parent: number
  readonly payments: readonly PlannedPayment[]
}

const plannedPayment: fc.Arbitrary<PlannedPayment> = fc.record({
  from: fc.nat(2),
  to: fc.nat(2),
  amount: fc.bigInt({ min: 1n, max: 60n }),
  fee: fc.bigInt({ min: 0n, max: 3n })
})

const plannedTree: fc.Arbitrary<readonly PlannedBlock[]> = fc.array(
  fc.record({ parent: fc.nat(), payments: fc.array(plannedPayment, { maxLength: 4 }) }),
  { minLength: 1, maxLength: 9 }
)

describe('a ledger whose blocks fork', () => {
  const ledger = ledgerOf(GRANTS, { reward: REWARD })
  let validation: ValidationPool
  let net: ReturnType<typeof makeWorkNetwork>
  let payers: readonly Payer[]

  before(async () => {
    net = makeWorkNetwork({ maxReorg: 100, ledger: await ledger })
    validation = new ValidationPool(net.network)
    await validation.start()
    payers = await Promise.all(NAMES.map(name => Payer.create(net, name)))
  })

  after(() => validation.stop())

  /** Those of the planned payments that are valid on this branch, one after the other. */
  function paidOn(maker: ForkMaker, parent: string, planned: readonly PlannedPayment[]): Made[] {
    const { application } = net.rules
    let { state } = maker.cursorOf(parent)
    const made: Made[] = []
    for (const { from, to, amount, fee } of planned) {
      const [payer, receiver] = [present(payers[from]), present(payers[to])]
      assert.ok(state instanceof LedgerState)
      const sequence = (state.account(payer.peerId)?.sequence ?? 0n) + 1n
      const payment = payer.pay(receiver, amount, { fee, sequence })
      const outcome = application.applyMessage(state, payment.message)
      if (!outcome.ok) continue
      state = outcome.state
      made.push(payment)
    }
    return made
  }

  async function grow(plan: readonly PlannedBlock[]): Promise<ForkMaker> {
    const maker = await ForkMaker.create(net)
    for (const [index, { parent, payments }] of plan.entries()) {
      const at = parent % (index + 1)
      const on = at === 0 ? GENESIS : String(at - 1)
      maker.make(String(index), { on, messages: paidOn(maker, on, payments), after: 1_000 + index })
    }
    return maker
  }

  /** What all have in the end by the plainest sums over the blocks of the main chain. */
  function summed(log: EqualLog, maker: ForkMaker, height: number): Map<string, bigint> {
    const balances = new Map<string, bigint>()
    const add = (id: PeerIdBytes, units: bigint): void => {
      balances.set(toHex(id), (balances.get(toHex(id)) ?? 0n) + units)
    }
    for (const [name, units] of Object.entries(GRANTS))
      add(present(payers.find((_, index) => NAMES[index] === name)).peerId, units)
    for (let at = 1; at <= height; at += 1) {
      const { signed, envelopes } = maker.block(maker.nameOf(present(log.chain.headerAt(at)).id))
      for (const envelope of envelopes) {
        const { author, body } = decodeMessage(decodeEnvelope(envelope).payload)
        assert.ok(body.kind === 'open')
        const { to, amount, fee } = decodeTransfer(body.bytes)
        add(author, -amount - fee)
        add(to, amount)
        add(signed.header.producer, fee)
      }
      add(signed.header.producer, REWARD)
    }
    return balances
  }

  it('has the balances of its own branch after every reorg, and as much as was granted and made in all', async () => {
    let reorgs = 0
    await fc.assert(
      fc.asyncProperty(plannedTree, fc.array(fc.nat(), { maxLength: 12 }), async (plan, order) => {
        const maker = await grow(plan)
        const log = await EqualLog.open(net, await memoryDatabase(), validation)
        const names = [...order.map(index => String(index % plan.length)), ...plan.keys()].map(String)
        for (const name of names) {
          await log.hear(maker.block(name))
          const { height } = log.chain.head().header
          for (let at = log.chain.oldestState; at <= height; at += 1) {
            const kept = present(log.chain.stateAt(at)).state
            assert.ok(kept instanceof LedgerState)
            const held = new Map([...kept.all()].map(({ id, balance }) => [toHex(id), balance]))
            assert.deepEqual(held, summed(log, maker, at))
            assert.equal(kept.supply, 150n + REWARD * BigInt(at), 'the supply grows by exactly the rewards')
          }
        }
        reorgs += log.moves.filter(({ kind }) => kind === 'reorganized').length
        await log.check()
      }),
      runs(40)
    )
    assert.ok(reorgs > 20, `${reorgs} reorgs`)
  })

  it('of a double spend keeps the one on the heavier branch; the other one waits no more', async () => {
    const maker = await ForkMaker.create(net)
    const [alice, bob, carol] = payers
    assert.ok(alice && bob && carol)
    const toBob = alice.pay(bob, 100n, { sequence: 1n })
    const toCarol = alice.pay(carol, 100n, { sequence: 1n })
    maker.make('a1', { messages: [toBob] })
    maker.make('b1', { messages: [toCarol], after: 1_001 })
    maker.make('b2', { on: 'b1' })
    const log = await EqualLog.open(net, await memoryDatabase(), validation)
    const balances = (): (bigint | undefined)[] => {
      const { state } = log.chain
      assert.ok(state instanceof LedgerState)
      return [alice, bob, carol].map(({ peerId }) => state.account(peerId)?.balance)
    }
    await log.hear(maker.block('a1'))
    assert.deepEqual(balances(), [0n, 150n, undefined])
    await log.hear(maker.block('b1'))
    await log.hear(maker.block('b2'))
    assert.deepEqual(balances(), [0n, 50n, 100n])
    assert.deepEqual([...log.pool.waiting()], [])
    await log.check()
  })

  it('what is not covered on the new branch waits, and comes into a block once it is', async () => {
    const maker = await ForkMaker.create(net)
    const [alice, bob, carol] = payers
    assert.ok(alice && bob && carol)
    // Carol pays on what Alice has paid her, and the other branch has neither.
    const first = alice.pay(carol, 80n, { sequence: 1n })
    const second = carol.pay(bob, 70n, { sequence: 1n })
    maker.make('a1', { messages: [first] })
    maker.make('a2', { on: 'a1', messages: [second] })
    maker.makeAll('b', 3, { after: 1_001 })
    const log = await EqualLog.open(net, await memoryDatabase(), validation)
    for (const name of ['a1', 'a2', 'b1', 'b2', 'b3']) await log.hear(maker.block(name))
    const leaves = (messages: Iterable<{ readonly leaf: Uint8Array }>): string[] =>
      [...messages].map(({ leaf }) => toHex(leaf))
    assert.deepEqual(leaves(log.pool.waiting()), leaves([first, second]))
    const proposed = present(
      log.chain.propose(maker.miner.peerId, present(log.chain.head()).header.time + 1_000)
    )
    assert.deepEqual(proposed.leaves.map(toHex), leaves([first, second]))
    maker.make('c1', { on: 'b3', messages: [first] })
    maker.make('c2', { on: 'c1', messages: [second] })
    for (const name of ['c1', 'c2']) await log.hear(maker.block(name))
    assert.equal(log.pool.size, 0)
    await log.check()
  })
})
