import assert from 'node:assert/strict'
import { type Database, StoreError } from '#src/chain/store.js'
import { Outbox } from '#src/client/outbox.js'
import { StoredBodies } from '#src/client/outbox-bodies.js'
import type { Draft, Unreceipted } from '#src/client/outbox-entries.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import { decodeEnvelope } from '#src/core/envelope.js'
import { VerifierCache } from '#src/core/keys.js'
import { decodeMessage } from '#src/core/message.js'
import { Opener, type OpeningKey } from '#src/core/sealing.js'
import { validateEnvelope } from '#src/core/validation.js'
import { messageRules } from '#src/validation/message-rules.js'
import { Author } from '../helpers/authors.js'
import { assertBytes, flipped } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { encryptionKey, makeNetwork, makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'

const DRAFTS: readonly Draft[] = ['a', 'b', 'c'].map(text => ({ body: utf8(`{"text":"${text}"}`) }))

function sequencesOf(messages: readonly Unreceipted[]): number[] {
  return messages.map(({ sequence }) => Number(sequence))
}

/** The next batch is written or not, and fails either way. Gives what ends this. */
function failNextBatch(database: Database, isWritten: boolean): () => void {
  const batch = database.batch.bind(database)
  Object.defineProperty(database, 'batch', {
    configurable: true,
    value: () => {
      const chained = batch()
      const write = chained.write.bind(chained)
      chained.write = async (options?: { readonly sync?: boolean | undefined }) => {
        if (isWritten) await write(options ?? {})
        else await chained.close()
        throw new Error('the disk says no')
      }
      return chained
    }
  })
  return () => Reflect.deleteProperty(database, 'batch')
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
    const added = await outbox.add(DRAFTS, alice.context)
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

  it('signs open messages where nothing is sealed, keeps nothing beside them, and forgets what a peer has taken', async () => {
    const work = await makeWorkNetwork()
    const openOutbox = (): Promise<Outbox> =>
      Outbox.open(database, work.network, alice.signer, () => 1_700_000_000_000)
    const outbox = await openOutbox()
    const added = await outbox.add(DRAFTS, 'open')
    const rules = messageRules(work.rules)
    for (const [index, { envelope, leaf }] of added.entries()) {
      const verdict = await validateEnvelope(envelope, rules, new VerifierCache())
      assert.ok(verdict.ok)
      assertBytes(verdict.leaf, leaf)
      const { body } = decodeMessage(decodeEnvelope(envelope).payload)
      assert.ok(body.kind === 'open')
      assertBytes(body.bytes, present(DRAFTS[index]).body)
    }
    // The network, the next sequence, that no body lies open, and the three.
    assert.equal((await database.keys().all()).length, 6)
    await outbox.handOver(...added.slice(0, 2))
    const again = await openOutbox()
    assert.deepEqual(sequencesOf(again.waiting()), [3])
    assert.deepEqual(sequencesOf(await again.add(DRAFTS, 'open')), [4, 5, 6])
  })

  it('has the same bytes waiting in the same order once reopened, and goes on with the next sequence', async () => {
    const added = await (await open()).add(DRAFTS, alice.context)
    const again = await open()
    assert.deepEqual(
      again.waiting().map(({ envelope }) => toHex(envelope)),
      added.map(({ envelope }) => toHex(envelope))
    )
    assert.equal(again.size, 3)
    assertBytes(present(again.find(present(added[1]).leaf)).envelope, present(added[1]).envelope)
    assert.deepEqual(sequencesOf(await again.add(DRAFTS, alice.context)), [4, 5, 6])
  })

  it('keeps the order of more than 256 sequences over a restart', async () => {
    const outbox = await open()
    for (let count = 0; count < 100; count += 1) await outbox.add(DRAFTS, alice.context)
    assert.deepEqual(
      sequencesOf((await open()).waiting()),
      Array.from({ length: 300 }, (_, index) => index + 1)
    )
  })

  it('does not use a sequence again whose message was refused', async () => {
    const outbox = await open()
    const [first] = await outbox.add(DRAFTS.slice(0, 1), alice.context)
    await outbox.discard(present(first))
    assert.deepEqual(outbox.waiting(), [])
    const again = await open()
    assert.deepEqual(again.waiting(), [])
    assert.deepEqual(sequencesOf(await again.add(DRAFTS, alice.context)), [2, 3, 4])
  })

  it('keeps a receipt in place of the messages that it names', async () => {
    const outbox = await open()
    const [first, second, third] = await outbox.add(DRAFTS, alice.context)
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
    const [first] = await outbox.add(DRAFTS, alice.context)
    await outbox.settle([], present(first).envelope)
    assert.equal(outbox.size, 3)
    assert.deepEqual(await outbox.receipts(), [])
  })

  it('that cannot write adds nothing, and uses none of the sequences again: they may be on disk', async () => {
    const outbox = await open()
    let isFull = true
    database.hooks.prewrite.add(() => {
      if (isFull) throw new Error('the disk is full')
    })
    await assert.rejects(outbox.add(DRAFTS, alice.context))
    assert.equal(outbox.size, 0)
    isFull = false
    assert.deepEqual(sequencesOf(await outbox.add(DRAFTS, alice.context)), [4, 5, 6])
    assert.deepEqual(sequencesOf((await open()).waiting()), [4, 5, 6])
  })

  describe('seals again', () => {
    let newKey: OpeningKey
    let renewed: Author

    beforeEach(async () => {
      newKey = await encryptionKey('rotated')
      renewed = await Author.create(net, alice.key, newKey)
    })

    /** What the holder of the new key reads in what waits, by sequence. */
    async function read(outbox: Outbox): Promise<Record<string, string>> {
      const opener = new Opener([newKey])
      const bodies = outbox.waiting().map(async ({ sequence, envelope }) => {
        const message = decodeMessage(decodeEnvelope(envelope).payload)
        if (message.body.kind !== 'sealed') return [sequence, 'in the clear']
        const opened = await opener.open(message, message.body.sealed)
        return [sequence, opened.ok ? Buffer.from(opened.plaintext).toString() : opened.reason]
      })
      return Object.fromEntries(await Promise.all(bodies))
    }

    /** Bodies on disk, which lie there encrypted. */
    async function bodiesOnDisk(): Promise<string[]> {
      const stored = await database.iterator({ gte: utf8('p'), lt: utf8('q') }).all()
      const bodies = new StoredBodies(alice.signer, net.network.id)
      return stored.map(([key, value]) => {
        assert.ok(!Buffer.from(value).includes('text'), 'it is encrypted')
        return Buffer.from(bodies.decrypt(key.subarray(1), value)).toString()
      })
    }

    it('to another key, under new sequences, in place of the old ones, also once reopened', async () => {
      const outbox = await open()
      const [first, second] = await outbox.add(DRAFTS, alice.context)
      const again = await outbox.reseal([present(second), present(first)], renewed.context)
      assert.deepEqual(
        again.map(message => message?.sequence),
        [4n, 5n]
      )
      const expected = { 3: 'unknown key', 4: '{"text":"b"}', 5: '{"text":"a"}' }
      assert.deepEqual(await read(outbox), expected)
      const reopened = await open()
      assert.deepEqual(await read(reopened), expected)
      assertBytes(present(reopened.waiting()[1]).keyId, newKey.keyId)
      assert.deepEqual(sequencesOf(await reopened.add(DRAFTS.slice(0, 1), renewed.context)), [6])
    })

    it('after a restart as well', async () => {
      await (await open()).add(DRAFTS, alice.context)
      const outbox = await open()
      await outbox.reseal(outbox.waiting(), renewed.context)
      assert.deepEqual(await read(outbox), { 4: '{"text":"a"}', 5: '{"text":"b"}', 6: '{"text":"c"}' })
    })

    it('nothing that has been settled meanwhile, or that is not its own', async () => {
      const outbox = await open()
      const [first, second] = await outbox.add(DRAFTS, alice.context)
      await outbox.settle([present(first)], present(first).envelope)
      const stranger = { ...present(second), sequence: 9n }
      const again = await outbox.reseal([present(first), stranger], renewed.context)
      assert.deepEqual(again, [undefined, undefined])
      assert.deepEqual(sequencesOf((await open()).waiting()), [2, 3])
    })

    for (const [how, isWritten] of [
      ['nothing of it on disk', false],
      ['all of it on disk', true]
    ] as const)
      it(`where the write fails with ${how}: each message is there once, then and after the next try`, async () => {
        const outbox = await open()
        const added = await outbox.add(DRAFTS, alice.context)
        const restore = failNextBatch(database, isWritten)
        await assert.rejects(outbox.reseal(added, renewed.context))
        restore()
        assert.deepEqual(sequencesOf(outbox.waiting()), [1, 2, 3], 'the old ones go on waiting')
        const crashed = await open()
        assert.deepEqual(sequencesOf(crashed.waiting()), isWritten ? [4, 5, 6] : [1, 2, 3])
        assert.deepEqual((await bodiesOnDisk()).sort(), ['{"text":"a"}', '{"text":"b"}', '{"text":"c"}'])
        await outbox.reseal(added, renewed.context)
        const expected = { 7: '{"text":"a"}', 8: '{"text":"b"}', 9: '{"text":"c"}' }
        assert.deepEqual(await read(outbox), expected)
        assert.deepEqual(await read(await open()), expected)
      })

    it('and keeps no body of a message that has its receipt or was refused', async () => {
      const outbox = await open()
      const [first, second, third] = await outbox.add(DRAFTS, alice.context)
      await outbox.settle([present(first)], present(first).envelope)
      await outbox.discard(present(second))
      const [again] = await outbox.reseal([present(third)], renewed.context)
      assert.deepEqual(await bodiesOnDisk(), ['{"text":"c"}'])
      await outbox.discard(present(again))
      assert.deepEqual(await bodiesOnDisk(), [])
    })
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
      await (await open()).add(DRAFTS, alice.context)
      const [key, value] = present((await database.iterator({ gte: utf8('o'), lt: utf8('p') }).all())[1])
      await database.put(key, damage(value))
      await assert.rejects(open(), StoreError)
    })
})
