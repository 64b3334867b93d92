import assert from 'node:assert/strict'
import { encodeBlock } from '#src/core/block.js'
import { type EnvelopeBytes, toHex } from '#src/core/bytes.js'
import { signEnvelope } from '#src/core/envelope.js'
import { VerifierCache } from '#src/core/keys.js'
import { encodeMessage } from '#src/core/message.js'
import { BlockReader } from '#src/query/block-reader.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { type Made, madeOf, OpenAuthor } from '../helpers/authors.js'
import { EPOCH } from '../helpers/blocks.js'
import { flipped } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { EqualLog } from '../helpers/equals.js'
import { FAULTS } from '../helpers/false-blocks.js'
import { type BlockWishes, ForkMaker } from '../helpers/fork-maker.js'
import { outcomeOf } from '../helpers/fork-stage.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

const INTERVAL = 1_000
const NOW = EPOCH + 100 * INTERVAL

describe('false blocks among equals', () => {
  const net = makeWorkNetwork()
  const validation = new ValidationPool(net.network)
  let maker: ForkMaker
  let alice: OpenAuthor
  let bob: OpenAuthor
  let log: EqualLog
  let now: number

  before(() => validation.start())
  after(() => validation.stop())

  // a1 is there, and b1 beside it.
  beforeEach(async () => {
    now = NOW
    maker = await ForkMaker.create(net)
    alice = await OpenAuthor.create(net, 'alice')
    bob = await OpenAuthor.create(net, 'bob')
    log = await EqualLog.open(net, await memoryDatabase(), validation, () => now)
    maker.make('a1', { messages: alice.says(2) })
    maker.make('b1', { above: 'a1', messages: bob.says(1) })
    for (const name of ['a1', 'b1']) await log.hear(maker.block(name))
  })

  async function hear(name: string): Promise<string> {
    return outcomeOf(await log.hear(maker.block(name)))
  }

  /** What is in a database, but for blocks beside, by hex of the key. */
  async function contents(): Promise<ReadonlyMap<string, string>> {
    const entries = await log.database.iterator().all()
    return new Map(entries.map(([key, value]) => [toHex(key), toHex(value)]))
  }

  const messages: readonly (readonly [string, () => Made])[] = [
    [
      'whose signature does not fit',
      () => {
        const made = alice.say({ text: 'second' })
        return madeOf(flipped(made.envelope, -1), made.message)
      }
    ],
    [
      'that somebody else has signed',
      () => {
        const { message } = alice.say({ text: 'second' })
        return madeOf(signEnvelope('message', encodeMessage(message), bob.signer), message)
      }
    ],
    ['that does not fit the schema', () => alice.say({ number: 2 })],
    ['of another network', () => alice.say({ text: 'second' }, { network: maker.idOf('a1') })],
    [
      'that is sealed',
      () => {
        const sealed = { keyId: new Uint8Array(8), enc: new Uint8Array(32), ciphertext: new Uint8Array(80) }
        return alice.signed(alice.claim(), { kind: 'sealed', sealed })
      }
    ],
    ['that is none', () => ({ ...alice.say({ text: 'x' }), envelope: new Uint8Array(50) as EnvelopeBytes })]
  ]
  for (const [what, make] of messages)
    for (const on of ['a1', 'b1'])
      it(`a block on ${on} with a second message ${what} is invalid as a whole, and so is what descends from it`, async () => {
        const before = await contents()
        maker.make('bad', { on, messages: [bob.say({ text: 'first' }), make()] })
        maker.make('worse', { on: 'bad' })
        maker.make('worst', { on: 'worse' })
        for (const name of ['worst', 'worse']) assert.equal(await hear(name), 'orphan')
        const imported = await log.hear(maker.block('bad'))
        assert.ok(imported.kind === 'invalid' && imported.fault.kind === 'message', outcomeOf(imported))
        assert.equal(imported.fault.position, maker.block('bad').signed.header.size - 1)
        assert.equal(log.arrivals.waiting, 0, 'what waited for it')
        for (const name of ['worst', 'worse', 'bad']) assert.equal(await hear(name), 'invalid: parent')
        assert.deepEqual(await contents(), before)
        await log.check()
      })

  const twice: readonly (readonly [string, () => readonly Made[]])[] = [
    [
      'one message twice',
      () => {
        const [one] = alice.says(1)
        return [present(one), present(one)]
      }
    ],
    [
      'two bodies under one sequence',
      () => [alice.say({ text: 'a' }, { sequence: 9n }), alice.say({ text: 'b' }, { sequence: 9n })]
    ],
    ['another body under a sequence of its chain', () => [alice.say({ text: 'c' }, { sequence: 1n })]]
  ]
  for (const [what, make] of twice)
    it(`a block with ${what} is invalid: duplicate`, async () => {
      maker.make('bad', { on: 'a1', messages: make() })
      assert.equal(await hear('bad'), 'invalid: duplicate')
      assert.equal(await hear('bad'), 'invalid: parent')
      await log.check()
    })

  it('other messages under a good header are held against nobody but who brings them: the block is taken whole', async () => {
    const [first, second] = alice.says(2)
    const good = maker.make('good', { on: 'a1', messages: [present(first), present(second)] })
    const others: readonly (readonly Made[])[] = [
      [present(second), present(first)],
      [present(first)],
      [present(first), present(second), present(first)],
      [present(first), alice.say({ text: 'another' })],
      []
    ]
    for (const chosen of others) {
      const imported = await log.hear({ ...good, envelopes: chosen.map(({ envelope }) => envelope) })
      assert.ok(imported.kind === 'invalid' && ['root', 'count'].includes(imported.fault.kind))
    }
    const unsigned = [present(first).envelope, flipped(present(second).envelope, -1) as EnvelopeBytes]
    const imported = await log.hear({ ...good, envelopes: unsigned })
    assert.ok(imported.kind === 'invalid')
    assert.equal(await hear('good'), 'extended')
    await log.check()
  })

  it('other messages under a good header do not wait for its parent in place of its own', async () => {
    const [first, second] = alice.says(2)
    maker.make('parent', { on: 'a1' })
    const good = maker.make('good', { on: 'parent', messages: [present(first)] })
    const exchanged = await log.hear({ ...good, envelopes: [present(second).envelope] })
    assert.ok(exchanged.kind === 'invalid' && exchanged.fault.kind === 'root')
    assert.equal(await hear('good'), 'orphan')
    assert.equal(await hear('parent'), 'extended')
    assert.deepEqual(log.chain.head().id, maker.idOf('good'))
    await log.check()
  })

  const wrong: readonly (readonly [string, BlockWishes, string])[] = [
    ['on another target than is due', FAULTS.target, 'proof'],
    ['whose work was done for another header', { afterwards: ({ time }) => ({ time: time + 1 }) }, 'proof'],
    ['no later than the middle of those before it', { forgery: { header: () => ({ time: EPOCH }) } }, 'time'],
    ['of another network', FAULTS.network, 'network'],
    ['with a height that is not its own', { forgery: { header: () => ({ height: 3 }) } }, 'height']
  ]
  for (const [what, wishes, fault] of wrong)
    it(`a block ${what} is invalid: ${fault}; a better one is taken`, async () => {
      maker.make('bad', { on: 'a1', ...wishes })
      assert.equal(await hear('bad'), `invalid: ${fault}`)
      assert.equal(await hear('bad'), 'invalid: parent')
      maker.make('a2', { on: 'a1' })
      assert.equal(await hear('a2'), 'extended')
      await log.check()
    })

  it('a block from the future is not valid yet; it is taken when its time has come, with what has waited for it', async () => {
    const ahead = NOW - (EPOCH + INTERVAL) + 10 * INTERVAL
    maker.make('early', { on: 'a1', after: ahead + 1 })
    maker.make('next', { on: 'early' })
    assert.equal(await hear('next'), 'orphan')
    assert.equal(await hear('early'), 'invalid: future')
    assert.equal(await hear('early'), 'invalid: future', 'it is not condemned')
    assert.equal(log.arrivals.waiting, 1)
    now += 2 * INTERVAL
    assert.equal(await hear('early'), 'extended')
    assert.equal(maker.nameOf(log.chain.head().id), 'next')
  })

  it('a block of another network is not even read', async () => {
    const foreign = await ForkMaker.create(makeWorkNetwork({ name: 'another' }))
    const reader = new BlockReader(net.rules, new VerifierCache())
    const [first, second] = foreign.makeAll('f', 2)
    for (const block of [first, second])
      assert.throws(() => reader.block(encodeBlock(present(block))), {
        name: 'InvalidAnswer',
        message: /network/
      })
  })
})
