import assert from 'node:assert/strict'
import { type Database, StoreError } from '#src/chain/store.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { Opener } from '#src/core/sealing.js'
import { validateEnvelope } from '#src/core/validation.js'
import { messageRules } from '#src/node/message-rules.js'
import { Outbox, type Unreceipted } from '#src/node/outbox.js'
import { Author } from '../helpers/authors.js'
import { assertBytes, flipped } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'

const BODIES = ['{"text":"a"}', '{"text":"b"}', '{"text":"c"}'].map(utf8)

function sequencesOf(messages: readonly Unreceipted[]): number[] {
  return messages.map(({ sequence }) => Number(sequence))
}

describe('the outbox', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let alice: Author
  let database: Database

  beforeEach(async () => {
    net = await makeNetwork()
    alice = await Author.create(net, 'alice')
    database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
  })

  function open(): Promise<Outbox> {
    return Outbox.open(database, net.network, alice.signer, () => 1_700_000_000_000)
  }

  it('seals and signs messages that the sequencer takes, with sequences from 1 on', async () => {
    const outbox = await open()
    const added = await outbox.add(BODIES, alice.context)
    assert.deepEqual(sequencesOf(added), [1, 2, 3])
    const rules = messageRules(net.rules, new Opener([net.openingKey]))
    for (const { envelope, leaf, sequence } of added) {
      const verdict = await validateEnvelope(envelope, rules, new VerifierCache())
      assert.ok(verdict.ok)
      assert.equal(verdict.sequence, sequence)
      assertBytes(verdict.leaf, leaf)
      assertBytes(verdict.author, alice.peerId)
    }
  })

  it('has the same bytes waiting in the same order once reopened, and goes on with the next sequence', async () => {
    const added = await (await open()).add(BODIES, alice.context)
    const again = await open()
    assert.deepEqual(
      again.waiting().map(({ envelope }) => toHex(envelope)),
      added.map(({ envelope }) => toHex(envelope))
    )
    assert.equal(again.size, 3)
    assertBytes(present(again.find(present(added[1]).leaf)).envelope, present(added[1]).envelope)
    assert.deepEqual(sequencesOf(await again.add(BODIES, alice.context)), [4, 5, 6])
  })

  it('keeps the order of more than 256 sequences over a restart', async () => {
    const outbox = await open()
    for (let count = 0; count < 100; count += 1) await outbox.add(BODIES, alice.context)
    assert.deepEqual(
      sequencesOf((await open()).waiting()),
      Array.from({ length: 300 }, (_, index) => index + 1)
    )
  })

  it('does not use a sequence again whose message was refused', async () => {
    const outbox = await open()
    const [first] = await outbox.add(BODIES.slice(0, 1), alice.context)
    await outbox.discard(present(first))
    assert.deepEqual(outbox.waiting(), [])
    const again = await open()
    assert.deepEqual(again.waiting(), [])
    assert.deepEqual(sequencesOf(await again.add(BODIES, alice.context)), [2, 3, 4])
  })

  it('keeps a receipt in place of the messages that it names', async () => {
    const outbox = await open()
    const [first, second, third] = await outbox.add(BODIES, alice.context)
    const receipt = present(first).envelope
    await outbox.settle([present(third), present(first)], receipt)
    for (const opened of [outbox, await open()]) {
      assert.deepEqual(sequencesOf(opened.waiting()), [present(second).sequence].map(Number))
      const receipts = await opened.receipts()
      assert.equal(receipts.length, 1)
      assertBytes(receipts[0], receipt)
    }
  })

  it('settles nothing with a receipt that names none of its messages', async () => {
    const outbox = await open()
    const [first] = await outbox.add(BODIES, alice.context)
    await outbox.settle([], present(first).envelope)
    assert.equal(outbox.size, 3)
    assert.deepEqual(await outbox.receipts(), [])
  })

  it('that cannot write adds nothing, and gives the sequences to the next ones', async () => {
    const outbox = await open()
    let isFull = true
    database.hooks.prewrite.add(() => {
      if (isFull) throw new Error('the disk is full')
    })
    await assert.rejects(outbox.add(BODIES, alice.context))
    assert.equal(outbox.size, 0)
    isFull = false
    assert.deepEqual(sequencesOf(await outbox.add(BODIES, alice.context)), [1, 2, 3])
  })

  it("refuses another network's folder: StoreError", async () => {
    await open()
    const another = await makeNetwork({ name: 'another' })
    await assert.rejects(
      Outbox.open(database, another.network, alice.signer, () => 0),
      StoreError
    )
  })

  for (const [what, damage] of [
    ['cut short', (envelope: Uint8Array) => envelope.subarray(0, -1)],
    ['changed at its start', (envelope: Uint8Array) => flipped(envelope, 0)],
    ['emptied', () => new Uint8Array(0)]
  ] as const)
    it(`a message that was ${what} on disk is found when it is opened: StoreError`, async () => {
      await (await open()).add(BODIES, alice.context)
      const [key, value] = present((await database.iterator({ gte: utf8('o'), lt: utf8('p') }).all())[1])
      await database.put(key, damage(value))
      await assert.rejects(open(), StoreError)
    })
})
