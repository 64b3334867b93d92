import assert from 'node:assert/strict'
import type { Application } from '#src/applications/application.js'
import { encodeTransfer } from '#src/applications/ledger/transfer.js'
import { ranges } from '#src/chain/store.js'
import { type PeerIdBytes, utf8 } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import { LIMITS } from '#src/core/limits.js'
import { encodeMessage, type Message } from '#src/core/message.js'
import type { Bringer } from '#src/core/shares.js'
import type { SubmissionResult } from '#src/core/submission.js'
import { MempoolIntake } from '#src/intake/mempool-intake.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { envelopesOf, type Made, madeOf, OpenAuthor } from '../helpers/authors.js'
import { seedOf } from '../helpers/core.js'
import { EqualLog, LATER } from '../helpers/equals.js'
import { ForkMaker } from '../helpers/fork-maker.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { ledgerOf, Payer } from '../helpers/payers.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

describe('transfers on their way into a pool', () => {
  let net: ReturnType<typeof makeWorkNetwork>
  let validation: ValidationPool
  let log: EqualLog
  let intake: MempoolIntake
  let alice: Payer
  let bob: Payer
  let carol: Payer

  before(async () => {
    net = makeWorkNetwork({ ledger: await ledgerOf({ alice: 100n, bob: 50n }) })
    validation = new ValidationPool(net.network)
    await validation.start()
  })

  after(() => validation.stop())

  beforeEach(async () => {
    log = await EqualLog.open(net, await memoryDatabase(), validation)
    intake = new MempoolIntake(log.pool, log.chain, validation, () => undefined)
    ;[alice, bob, carol] = [
      await Payer.create(net, 'alice'),
      await Payer.create(net, 'bob'),
      await Payer.create(net, 'carol')
    ]
  })

  async function submit(...messages: readonly Made[]): Promise<string[]> {
    return (await intake.submit(envelopesOf(messages))).map(inWords)
  }

  function inWords(fate: SubmissionResult): string {
    return fate.kind === 'refused' ? fate.reason : fate.kind
  }

  it('are covered by the account less what waits of it, one after the other', async () => {
    const first = alice.pay(bob, 60n)
    assert.deepEqual(await submit(first, alice.pay(bob, 41n, { sequence: 2n })), ['accepted', 'overdraft'])
    assert.deepEqual(await submit(alice.pay(bob, 41n, { sequence: 2n })), ['overdraft'])
    const rest = [20n, 20n, 1n].map((amount, index) =>
      alice.pay(bob, amount, { sequence: BigInt(index + 2) })
    )
    assert.deepEqual(await submit(...rest), ['accepted', 'accepted', 'overdraft'])
    assert.deepEqual(await submit(first, alice.pay(carol, 60n, { sequence: 1n })), [
      'known',
      'sequence taken'
    ])
  })

  it('are not covered by what waits of others', async () => {
    assert.deepEqual(await submit(alice.pay(carol, 100n), carol.pay(bob, 1n)), ['accepted', 'overdraft'])
  })

  it('are covered by the head from the block on in which it came', async () => {
    const payment = alice.pay(carol, 100n)
    const maker = await ForkMaker.create(net)
    maker.make('a1', { messages: [payment] })
    await submit(payment)
    await log.hear(maker.block('a1'))
    assert.deepEqual(await submit(carol.pay(bob, 100n), payment), ['accepted', 'known'])
  })

  it('a gap is refused for now, and taken once it is filled', async () => {
    const [first, second] = [alice.pay(bob, 1n), alice.pay(bob, 2n)]
    assert.deepEqual(await submit(second, first, second), ['sequence gap', 'accepted', 'accepted'])
  })

  it('what gossip brings too early waits, and counts once what was missing has come', async () => {
    const [first, second] = [alice.pay(bob, 1n), alice.pay(bob, 90n)]
    assert.equal(intake.take(second), 'accept')
    assert.deepEqual(await submit(alice.pay(bob, 99n, { sequence: 3n })), ['sequence gap'])
    assert.deepEqual(await submit(first), ['accepted'])
    assert.deepEqual(await submit(alice.pay(bob, 10n, { sequence: 3n })), ['overdraft'])
    assert.deepEqual(await submit(alice.pay(bob, 9n, { sequence: 3n })), ['accepted'])
  })

  it('what a reorg brings back counts like all that waits', async () => {
    const [first, second] = [alice.pay(bob, 60n), alice.pay(bob, 30n)]
    const maker = await ForkMaker.create(net)
    maker.make('a1', { messages: [first] })
    maker.make('a2', { on: 'a1', messages: [second] })
    maker.makeAll('b', 3, { after: 1_001 })
    for (const name of ['a1', 'a2']) await log.hear(maker.block(name))
    for (const name of ['b1', 'b2', 'b3']) await log.hear(maker.block(name))
    assert.equal(log.pool.size, 2)
    const over = alice.pay(bob, 11n, { sequence: 3n })
    const rest = alice.pay(bob, 10n, { sequence: 3n })
    assert.deepEqual(await submit(over, rest, second), ['overdraft', 'accepted', 'known'])
  })

  it('each is applied a few times at most, however many of its author wait, and whatever gaps are between them', async () => {
    const rich = makeWorkNetwork({ ledger: await ledgerOf({ alice: 10_000n }) })
    const { application } = rich.rules
    let applied = 0
    const counting: Application<unknown> = {
      isStateless: application.isStateless,
      accounts: application.accounts,
      checkBody: body => application.checkBody(body),
      encodeBody: value => application.encodeBody(value),
      genesis: () => application.genesis(),
      applyMessage: (state, message) => {
        applied += 1
        return application.applyMessage(state, message)
      },
      endBlock: (state, header) => application.endBlock(state, header),
      digest: state => application.digest(state),
      stakes: state => application.stakes(state)
    }
    const counted = { ...rich, rules: { ...rich.rules, application: counting } }
    log = await EqualLog.open(counted, await memoryDatabase(), validation)
    intake = new MempoolIntake(log.pool, log.chain, validation, () => undefined)
    const payer = await Payer.create(rich, 'alice')
    assert.equal(intake.take(payer.pay(bob, 1n, { sequence: 9_000n })), 'accept')
    const count = LIMITS.uncoveredMessages + 1_000
    for (let sent = 0; sent < count; sent += 1) {
      assert.equal(intake.take(payer.pay(bob, 1n)), 'accept')
      if (sent % 100 === 0) intake.take(payer.pay(bob, 1n, { sequence: 9_001n + BigInt(sent) }))
    }
    assert.ok(log.pool.size > count)
    assert.ok(applied < 4 * count, `${applied} times, for ${count}`)
  })

  it('of what no account covers gossip brings only so much; what is covered is taken all the same', async () => {
    for (let count = 0; count < LIMITS.uncoveredMessages; count += 1)
      assert.equal(intake.take(carol.pay(bob, 1n)), 'accept')
    assert.equal(intake.take(carol.pay(bob, 1n)), 'later')
    assert.equal(intake.take(alice.pay(bob, 1n)), 'accept')
    assert.deepEqual(await submit(alice.pay(bob, 1n)), ['accepted'])
    assert.equal(log.pool.size, LIMITS.uncoveredMessages + 2)
  })

  it('what no account covers is not said again to others, until it is covered', async () => {
    const said = (): bigint[] => [...intake.covered()].map(({ sequence }) => sequence)
    for (let count = 0; count < 10; count += 1) intake.take(carol.pay(bob, 1n))
    const [first, second, third] = [alice.pay(bob, 50n), alice.pay(bob, 50n), alice.pay(bob, 50n)]
    for (const made of [first, second, third]) intake.take(made)
    assert.deepEqual(said(), [1n, 2n])
    const maker = await ForkMaker.create(net)
    maker.make('a1', { messages: [bob.pay(carol, 9n), bob.pay(alice, 41n)] })
    await log.hear(maker.block('a1'))
    assert.deepEqual(said(), [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 1n, 2n])
  })

  it('of a full pool what no account covers any more leaves, and what is covered is taken', async () => {
    const count = LIMITS.pendingMessages
    const rich = makeWorkNetwork({ ledger: await ledgerOf({ alice: BigInt(count), bob: 50n }) })
    const database = await memoryDatabase()
    log = await EqualLog.open(rich, database, validation)
    intake = new MempoolIntake(log.pool, log.chain, validation, () => undefined)
    const [spender, payer, other] = [
      await Payer.create(rich, 'alice'),
      await Payer.create(rich, 'bob'),
      await Payer.create(rich, 'bob')
    ]
    // To sign them takes long, and is not looked at here.
    const signer = { ...spender.signer, sign: () => new Uint8Array(64) }
    const bytes = encodeTransfer({ to: bob.peerId, amount: 1n, fee: 0n })
    for (let sent = 0; sent < count; sent += 1) {
      const message: Message = { ...spender.claim(), body: { kind: 'open', bytes } }
      const made = madeOf(signEnvelope('message', encodeMessage(message), signer), message)
      assert.equal(intake.take(made), 'accept')
    }
    assert.equal(intake.take(payer.pay(alice, 1n)), 'later', 'all of them are covered')
    await log.pool.stored()

    const maker = await ForkMaker.create(rich)
    maker.make('a1', { messages: [spender.pay(carol, BigInt(count), { sequence: 1n })] })
    assert.equal((await log.chain.import(maker.block('a1'), LATER)).kind, 'extended')
    assert.equal(log.pool.size, count - 1)
    for (let sent = 0; sent < 10; sent += 1) assert.equal(intake.take(other.pay(alice, 1n)), 'accept')
    assert.ok(log.pool.size < count)
    assert.equal(intake.take(spender.pay(carol, 1n, { sequence: 30_000n })), 'later')
    await log.pool.stored()
    const onDisk = await database.keys(ranges.pooled).all()
    assert.equal(onDisk.length, log.pool.size)
  })

  it('of one peer fill its share of the pool, by the names of however many authors, and of one host half of it; others still get in', async () => {
    const plain = makeWorkNetwork()
    const checking = new ValidationPool(plain.network)
    await checking.start()
    try {
      log = await EqualLog.open(plain, await memoryDatabase(), checking)
      intake = new MempoolIntake(log.pool, log.chain, checking, () => undefined)
      const from = (peer: string, host: string, site = host): Bringer => ({ peer, host, site })
      const [flooder, neighbour] = [from('mallory', 'crowd'), from('carl', 'elsewhere')]
      let names = 0
      /** Each of an author of its own. To sign them takes long, and is not looked at here. */
      const messageOfNew = (): Made => {
        names += 1
        const author = seedOf(`author ${names}`) as Uint8Array as PeerIdBytes
        const body = { kind: 'open', bytes: utf8('{"text":"x"}') } as const
        const message: Message = { network: plain.network.id, author, sequence: 1n, time: 0, body }
        const signer = { ...alice.signer, sign: () => new Uint8Array(64) }
        return madeOf(signEnvelope('message', encodeMessage(message), signer), message)
      }
      const isTaken = (bringer: Bringer): boolean => {
        const message = messageOfNew()
        intake.take(message, bringer)
        return log.pool.waitingAs(message) !== undefined
      }
      for (let sent = 0; sent < LIMITS.pooledOfPeer; sent += 1) assert.ok(isTaken(flooder))
      for (let sent = 0; sent < 100; sent += 1) assert.ok(!isTaken(flooder))
      assert.equal(log.pool.size, LIMITS.pooledOfPeer)
      assert.ok(LIMITS.pooledOfPeer <= LIMITS.pendingMessages / 4)
      for (let sent = 0; sent < 100; sent += 1) assert.ok(isTaken(neighbour))
      const writer = await OpenAuthor.create(plain, 'a writer')
      const fates = async (bringer: Bringer): Promise<string[]> =>
        (await intake.submit(envelopesOf([writer.say({ text: 'hi' })]), bringer)).map(inWords)
      assert.deepEqual(await fates(flooder), ['rate limited'])
      assert.deepEqual(await fates(neighbour), ['accepted'])
      // What leaves the pool leaves the share.
      const [first] = log.pool.waiting()
      assert.ok(first)
      log.pool.evict(first)
      assert.ok(isTaken(flooder))
      assert.ok(!isTaken(flooder))
      await log.pool.stored()
      // Another name on that host gets as much, and a third one nothing: the host has half of the pool then.
      for (let sent = 0; sent < LIMITS.pooledOfPeer; sent += 1)
        intake.take(messageOfNew(), from('moll', 'crowd'))
      assert.ok(log.pool.size <= LIMITS.pendingMessages / 2 + 101)
      assert.ok(!isTaken(from('malcolm', 'crowd')))
      assert.ok(isTaken(neighbour))
      await log.pool.stored()
    } finally {
      await checking.stop()
    }
  })
})
