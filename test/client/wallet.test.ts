import assert from 'node:assert/strict'
import fc from 'fast-check'
import { genesisCursor } from '#src/chain/cursor.js'
import type { Database } from '#src/chain/store.js'
import { Outbox } from '#src/client/outbox.js'
import type { Unreceipted } from '#src/client/outbox-entries.js'
import { Wallet } from '#src/client/wallet.js'
import type { Reason } from '#src/core/refusal.js'
import type { ShownAccount } from '#src/query/account-queries.js'
import { InvalidAnswer } from '#src/query/query-errors.js'
import { present } from '../helpers/changes.js'
import { runs } from '../helpers/core.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { ledgerOf, Payer } from '../helpers/payers.js'

const FOREVER = new AbortController().signal
const BODY = { body: new Uint8Array(0) }

describe('a wallet', () => {
  let net: TestNetwork
  let alice: Payer
  let database: Database
  /** What is shown of the account; undefined while nobody is connected. */
  let shown: (() => Promise<ShownAccount>) | undefined
  let distrusted: string[]

  before(async () => {
    net = await makeNetwork({ ledger: await ledgerOf({ alice: 1n }) })
    alice = await Payer.create(net, 'alice')
  })

  beforeEach(async () => {
    database = await memoryDatabase()
    distrusted = []
  })

  function show(balance: bigint, sequence: bigint, height = 0): void {
    const genesis = genesisCursor(net.rules).signed
    const signed = { ...genesis, header: { ...genesis.header, height } }
    shown = async () => ({ signed, account: { id: alice.peerId, balance, sequence } })
  }

  function open(maxReorg: number | 'none' = 10): Promise<Wallet> {
    return Wallet.open({
      database,
      maxReorg: maxReorg === 'none' ? undefined : maxReorg,
      account: () => shown?.(),
      distrust: why => distrusted.push(why)
    })
  }

  function outbox(): Promise<Outbox> {
    return Outbox.open(database, net.network, alice.signer, () => 0)
  }

  /** The number that a payment gets, or why it gets none. */
  async function reserve(wallet: Wallet, units: bigint, signal = FOREVER): Promise<bigint | Reason> {
    const reserved = await wallet.reserve(units, signal)
    return reserved.ok ? reserved.payment.sequence : reserved.refusal.reason
  }

  /** Reserves and signs. */
  async function sign(wallet: Wallet, box: Outbox, units: bigint): Promise<Unreceipted> {
    const reserved = await wallet.reserve(units, FOREVER)
    assert.ok(reserved.ok)
    return present((await box.add([{ ...BODY, payment: reserved.payment }], 'open'))[0])
  }

  it('gives the next numbers of the account, as long as it covers all that was given', async () => {
    show(100n, 7n)
    const wallet = await open()
    assert.deepEqual(
      [
        await reserve(wallet, 60n),
        await reserve(wallet, 41n),
        await reserve(wallet, 40n),
        await reserve(wallet, 1n)
      ],
      [8n, 'overdraft', 9n, 'overdraft']
    )
  })

  it('gives one number after the other, however many are wanted at once', async () => {
    show(10n, 0n)
    const wallet = await open()
    const numbers = await Promise.all(Array.from({ length: 11 }, () => reserve(wallet, 1n)))
    assert.deepEqual(numbers, [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 10n, 'overdraft'])
  })

  it('looks again where what it has seen is not enough', async () => {
    show(10n, 0n)
    const wallet = await open()
    assert.equal(await reserve(wallet, 11n), 'overdraft')
    show(20n, 0n)
    assert.equal(await reserve(wallet, 11n), 1n)
  })

  it('counts what stands in a block no more, and never gives its number again', async () => {
    show(100n, 0n)
    const wallet = await open()
    for (const number of [1n, 2n]) assert.equal(await reserve(wallet, 50n), number)
    show(50n, 1n)
    assert.equal(await reserve(wallet, 1n), 'overdraft')
    show(60n, 1n)
    assert.equal(await reserve(wallet, 10n), 3n)
  })

  it('gives the number and the units of a payment again that was not signed, or was refused', async () => {
    show(100n, 0n)
    const wallet = await open()
    for (const number of [1n, 2n, 3n]) assert.equal(await reserve(wallet, 30n), number)
    wallet.release(2n)
    assert.equal(await reserve(wallet, 41n), 'overdraft')
    assert.equal(await reserve(wallet, 40n), 2n)
  })

  it('knows over a restart what was signed, handed over or not, and forgets what was refused or stands in a block', async () => {
    show(100n, 0n)
    const [wallet, box] = [await open(), await outbox()]
    const [first, second, third] = [
      await sign(wallet, box, 10n),
      await sign(wallet, box, 20n),
      await sign(wallet, box, 30n)
    ]
    await box.handOver(first)
    await box.discard(second)
    assert.equal(third.sequence, 3n)
    const again = await open()
    assert.equal(await reserve(again, 61n), 'overdraft')
    assert.equal(await reserve(again, 60n), 2n)
    show(90n, 1n)
    const later = await open()
    assert.equal(await reserve(later, 61n), 'overdraft')
    assert.equal(await reserve(later, 60n), 2n)
  })

  it('waits where a number that stood in a block does not any more: the transfer comes back', async () => {
    show(100n, 5n)
    const wallet = await open()
    assert.equal(await reserve(wallet, 10n), 6n)
    show(100n, 4n)
    for (const each of [await open(), wallet]) assert.equal(await reserve(each, 91n), 'busy')
    show(100n, 6n)
    assert.equal(await reserve(wallet, 100n), 7n)
  })

  it('waits no longer than that transfer can come back with its block: it may have stood on a branch that was made up', async () => {
    show(100n, 1_000n, 5)
    assert.equal(await reserve(await open(), 101n), 'overdraft')
    show(100n, 4n, 15)
    assert.equal(await reserve(await open(), 10n), 'busy')
    show(100n, 4n, 16)
    assert.equal(await reserve(await open('none'), 10n), 'busy', 'where no branch replaces another one')
    assert.equal(await reserve(await open(), 10n), 5n)
    show(100n, 4n, 6)
    assert.equal(await reserve(await open(), 10n), 5n, 'also after a restart')
  })

  it('forgets what it has seen of the account when somebody else joins, who may know better', async () => {
    show(100n, 7n)
    const wallet = await open()
    assert.equal(await reserve(wallet, 1n), 8n)
    show(1n, 7n)
    wallet.joined()
    assert.equal(await reserve(wallet, 1n), 'overdraft')
  })

  it('waits for somebody who shows the account', async () => {
    shown = undefined
    const wallet = await open()
    const waiting = reserve(wallet, 1n)
    show(1n, 0n)
    wallet.joined()
    assert.equal(await waiting, 1n)
  })

  it('says that it does not know where nobody shows it, and turns away from who shows what does not hold', async () => {
    shown = undefined
    const wallet = await open()
    const stopping = new AbortController()
    const waiting = wallet.reserve(1n, stopping.signal)
    shown = async () => {
      stopping.abort()
      throw new InvalidAnswer('the proof does not hold')
    }
    wallet.joined()
    const reserved = await waiting
    assert.ok(!reserved.ok)
    assert.equal(reserved.refusal.reason, 'busy')
    assert.match(reserved.refusal.detail, /the proof does not hold/)
    assert.deepEqual(distrusted, ['the proof does not hold'])
  })

  type Step =
    | { readonly kind: 'pay'; readonly units: bigint }
    | { readonly kind: 'block' | 'refuse' | 'restart' }
    | { readonly kind: 'paid'; readonly units: bigint }

  const steps: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('pay' as const), units: fc.bigInt({ min: 1n, max: 60n }) }),
    fc.record({ kind: fc.constant('paid' as const), units: fc.bigInt({ min: 1n, max: 60n }) }),
    fc.record({ kind: fc.constantFrom('block' as const, 'refuse' as const, 'restart' as const) })
  )

  it('whatever happens, all that is signed and not refused can be applied one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 30 }), async happenings => {
        database = await memoryDatabase()
        let [balance, sequence] = [100n, 0n]
        const signed = new Map<bigint, { readonly units: bigint; readonly message: Unreceipted }>()
        show(balance, sequence)
        let wallet = await open()
        let box = await outbox()
        for (const step of happenings) {
          const [next, newest] = [signed.get(sequence + 1n), [...signed.keys()].at(-1)]
          if (step.kind === 'pay') {
            const reserved = await wallet.reserve(step.units, FOREVER)
            if (!reserved.ok) continue
            const { payment } = reserved
            assert.ok(!signed.has(payment.sequence) && payment.sequence > sequence, 'a number of its own')
            const [message] = await box.add([{ ...BODY, payment }], 'open')
            signed.set(payment.sequence, { units: payment.units, message: present(message) })
          } else if (step.kind === 'paid') balance += step.units
          else if (step.kind === 'block' && next !== undefined) {
            await box.handOver(next.message)
            signed.delete(sequence + 1n)
            balance -= next.units
            sequence += 1n
          } else if (step.kind === 'refuse' && newest !== undefined) {
            const { message } = present(signed.get(newest))
            wallet.release(newest)
            await box.discard(message)
            signed.delete(newest)
          } else if (step.kind === 'restart') {
            wallet = await open()
            box = await outbox()
          }
          show(balance, sequence)
          const owed = [...signed.values()].reduce((sum, { units }) => sum + units, 0n)
          assert.ok(owed <= balance, 'it is covered')
          const numbers = [...signed.keys()].sort((one, other) => (one < other ? -1 : 1))
          assert.deepEqual(
            numbers,
            numbers.map((_, index) => sequence + 1n + BigInt(index)),
            'there is no gap'
          )
        }
      }),
      runs(150)
    )
  })
})
