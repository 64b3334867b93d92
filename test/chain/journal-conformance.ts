import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Positioned } from '#src/chain/candidate.js'
import { FencedError, type Journal } from '#src/chain/journal.js'
import {
  type Database,
  hasLeaf,
  headerAt,
  headerWrites,
  heightOfId,
  placeOf,
  receiptOf
} from '#src/chain/store.js'
import type { CheckpointedHeader } from '#src/core/block.js'
import { type EnvelopeBytes, equal, toHex } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { type Receipt, readReceipt } from '#src/core/receipt.js'
import { Author, type Made } from '../helpers/authors.js'
import { ChainMaker } from '../helpers/blocks.js'
import { assertBytes } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { WAYS_TO_FAIL, type WayToFail } from '../helpers/failing-writes.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'

/** Where a journal is kept, and what can happen to it. */
export interface JournalStore {
  /** The peer's own. */
  readonly database: Database
  /** Opens the journal, as whoever takes over does. Those that were opened before are left as they are. */
  open(): Promise<Journal>
  /** What is left where the process is killed now, whatever is under way. */
  killed(): Promise<JournalStore>
  /** The next write fails in this way. */
  failNext(way: WayToFail): void
}

/** A batch of one message, of a few authors, and one as large as there may be. */
const BATCHES = [1, 7, LIMITS.journalBatch] as const

/** What every journal must do, wherever it is kept: the contract in `src/chain/journal.ts`. */
export function describeJournal(
  name: string,
  make: (net: TestNetwork, cleanup: Cleanup) => Promise<JournalStore>
): void {
  describe(`the journal "${name}"`, () => {
    const cleanup = new Cleanup(afterEach)
    const verifiers = new VerifierCache()
    let net: TestNetwork
    let authors: Author[]
    let store: JournalStore

    before(async () => {
      net = await makeNetwork({ blockSize: 4 })
      authors = await Promise.all(['alice', 'bob', 'carol'].map(who => Author.create(net, who)))
    })

    beforeEach(async () => {
      store = await make(net, cleanup)
    })

    /** New messages of all authors, at the positions from `from` on. */
    function batchFrom(from: number, count: number): Positioned[] {
      return Array.from({ length: count }, (_, index) =>
        placed(present(authors[index % authors.length]).say({ text: 'x' }), from + index)
      )
    }

    async function readAll(journal: Journal, from = 0): Promise<EnvelopeBytes[]> {
      const envelopes: EnvelopeBytes[] = []
      for await (const entry of journal.read(from)) {
        assert.equal(entry.position, from + envelopes.length)
        envelopes.push(entry.envelope)
      }
      return envelopes
    }

    /** These messages and no others, each with its indexes, and with a receipt that names it and its position. */
    async function expectExactly(
      { database }: JournalStore,
      journal: Journal,
      messages: readonly Positioned[]
    ): Promise<void> {
      assert.equal(journal.end, messages.length)
      expectSame(await readAll(journal), messages)
      const receipts = new Map<number | undefined, Receipt>()
      for (const { author, sequence, leaf, position } of messages) {
        const place = present(placeOf(database, author, sequence), `the index of position ${position}`)
        assert.equal(place.position, position)
        assert.ok(hasLeaf(database, leaf, position))
        const stored = present(receiptOf(database, place), `the receipt of position ${position}`)
        const receipt =
          receipts.get(place.first) ?? readReceipt(stored, net.network.id, net.sequencer, verifiers)
        receipts.set(place.first, receipt)
        assertBytes(receipt.author, author)
        assert.ok(
          receipt.entries.some(
            entry => entry.position === position && entry.sequence === sequence && equal(entry.leaf, leaf)
          )
        )
      }
    }

    /** Blocks over messages, each with what the chain writes for it. */
    function blocksOver(messages: readonly Positioned[]): CheckpointedHeader[] {
      const maker = new ChainMaker(net)
      for (let from = 0; from + 4 <= messages.length; from += 4) maker.add(messages.slice(from, from + 4))
      return maker.blocks.map(({ signed }) => signed)
    }

    const cut = (journal: Journal, signed: CheckpointedHeader): Promise<void> =>
      journal.cut(signed, headerWrites(signed))

    /** Undefined where nothing of the block is there, and an error where only a part of it is. */
    function hasBlock({ database }: JournalStore, { header, id }: CheckpointedHeader): boolean {
      const parts = [
        headerAt(database, header.height) !== undefined,
        heightOfId(database, id) === header.height
      ]
      assert.equal(parts[0], parts[1], 'a block is there whole or not at all')
      return parts[0] === true
    }

    describe('order', () => {
      it('a new one is empty, and has the epoch of its first opening', async () => {
        const journal = await store.open()
        await expectExactly(store, journal, [])
        assert.ok(journal.epoch > 0n)
      })

      it('messages have their positions in the order of the batches, and are read from any position on', async () => {
        const journal = await store.open()
        const messages: Positioned[] = []
        for (const count of BATCHES) {
          const batch = batchFrom(messages.length, count)
          await journal.append(batch)
          messages.push(...batch)
          assert.equal(journal.end, messages.length)
        }
        await expectExactly(store, journal, messages)
        for (const from of [1, 7, messages.length - 1, messages.length])
          expectSame(await readAll(journal, from), messages.slice(from))
      })

      it('gives one receipt for each author of a batch, and these are the ones that it keeps', async () => {
        const journal = await store.open()
        const batch = batchFrom(0, 7)
        const receipts = await journal.append(batch)
        assert.deepEqual(
          receipts.map(({ author }) => toHex(author)).sort(),
          authors.map(({ peerId }) => toHex(peerId)).sort()
        )
        for (const { author, receipt } of receipts) {
          const { sequence } = present(batch.find(message => equal(message.author, author)))
          const place = present(placeOf(store.database, author, sequence))
          assertBytes(receiptOf(store.database, place), receipt)
        }
      })

      it('a batch that begins elsewhere than at the end, or has a gap, changes nothing', async () => {
        const journal = await store.open()
        const first = batchFrom(0, 3)
        await journal.append(first)
        const [one, two, three] = batchFrom(3, 3)
        const wrong = [
          batchFrom(0, 3),
          batchFrom(2, 3),
          batchFrom(4, 3),
          [present(one), present(three)],
          [present(two), present(one)],
          [present(one), present(one)]
        ]
        for (const batch of wrong) await assert.rejects(journal.append(batch), RangeError)
        await expectExactly(store, journal, first)
        const next = [present(one), present(two), present(three)]
        await journal.append(next)
        await expectExactly(store, journal, [...first, ...next])
      })

      it('a block over messages that were not appended changes nothing', async () => {
        const journal = await store.open()
        const messages = batchFrom(0, 4)
        const [block] = blocksOver(messages)
        await journal.append(messages.slice(0, 3))
        await assert.rejects(cut(journal, present(block)), RangeError)
        assert.equal(hasBlock(store, present(block)), false)
        await journal.append(messages.slice(3))
        await cut(journal, present(block))
        assert.ok(hasBlock(store, present(block)))
      })
    })

    describe('durability', () => {
      it('what was appended and cut is there after a kill, and the order goes on', async () => {
        const journal = await store.open()
        const messages = batchFrom(0, 12)
        await journal.append(messages.slice(0, 5))
        await journal.append(messages.slice(5, 9))
        const blocks = blocksOver(messages)
        await cut(journal, present(blocks[0]))
        const left = await store.killed()
        const again = await left.open()
        await expectExactly(left, again, messages.slice(0, 9))
        assert.deepEqual(
          blocks.map(block => hasBlock(left, block)),
          [true, false, false]
        )
        await again.append(messages.slice(9))
        await cut(again, present(blocks[1]))
        await expectExactly(left, again, messages)
      })

      it('where it is killed while a batch is under way, the batch is there whole or not at all', async () => {
        const journal = await store.open()
        const messages = batchFrom(0, 3)
        await journal.append(messages)
        for (let round = 0; round < 4; round += 1) {
          const batch = batchFrom(messages.length, LIMITS.journalBatch)
          const appending = journal.append(batch)
          const left = await store.killed()
          const isThere = (await left.open()).end > messages.length
          await expectExactly(left, await left.open(), isThere ? [...messages, ...batch] : messages)
          await appending
          messages.push(...batch)
        }
      })

      it('a batch and a block that are under way at once are both there', async () => {
        const journal = await store.open()
        const messages = batchFrom(0, 24)
        const blocks = blocksOver(messages)
        await journal.append(messages.slice(0, 4))
        for (let index = 0; index < 5; index += 1) {
          const from = 4 + index * 4
          await Promise.all([
            journal.append(messages.slice(from, from + 4)),
            cut(journal, present(blocks[index]))
          ])
        }
        const left = await store.killed()
        await expectExactly(left, await left.open(), messages)
        assert.deepEqual(
          blocks.map(block => hasBlock(left, block)),
          [true, true, true, true, true, false]
        )
      })
    })

    for (const way of WAYS_TO_FAIL)
      describe(`a write that fails (${way})`, () => {
        for (const failing of ['append', 'cut'] as const)
          it(`in "${failing}" fails every later call, and is there whole or not at all`, async () => {
            const journal = await store.open()
            const messages = batchFrom(0, 16)
            const [first, second] = blocksOver(messages)
            await journal.append(messages.slice(0, 8))
            await cut(journal, present(first))
            store.failNext(way)
            const failure = await failureOf(
              failing === 'append' ? journal.append(messages.slice(8, 12)) : cut(journal, present(second))
            )
            assert.ok(!(failure instanceof RangeError), 'the write has failed')
            const { end } = journal
            for (let round = 0; round < 2; round += 1) {
              assert.equal(await failureOf(journal.append(batchFrom(end, 4))), failure)
              assert.equal(await failureOf(cut(journal, present(second))), failure)
            }
            const left = await store.killed()
            const again = await left.open()
            const mayEnd = failing === 'append' ? [8, 12] : [8]
            assert.ok(mayEnd.includes(again.end), `${again.end} messages`)
            await expectExactly(left, again, messages.slice(0, again.end))
            assert.ok(hasBlock(left, present(first)))
            if (failing === 'append') assert.equal(hasBlock(left, present(second)), false)
            await again.append(messages.slice(again.end))
            if (!hasBlock(left, present(second))) await cut(again, present(second))
            await expectExactly(left, again, messages)
          })
      })

    describe('fencing', () => {
      it('each opening has a higher epoch than all before, over kills too', async () => {
        const epochs: bigint[] = []
        let left = store
        for (let round = 0; round < 3; round += 1) {
          for (let opening = 0; opening < 2; opening += 1) epochs.push((await left.open()).epoch)
          left = await left.killed()
        }
        for (const [index, epoch] of epochs.entries())
          if (index > 0) assert.ok(epoch > present(epochs[index - 1]), epochs.join(' '))
      })

      it('an earlier one is refused for good and writes nothing; the later one goes on from what it wrote', async () => {
        const earlier = await store.open()
        const messages = batchFrom(0, 8)
        const [first, second] = blocksOver(messages)
        await earlier.append(messages.slice(0, 4))
        await cut(earlier, present(first))
        const later = await store.open()
        for (let round = 0; round < 2; round += 1) {
          await assert.rejects(earlier.append(batchFrom(4, 3)), FencedError)
          await assert.rejects(cut(earlier, present(first)), FencedError)
        }
        await expectExactly(store, later, messages.slice(0, 4))
        await later.append(messages.slice(4))
        await assert.rejects(cut(earlier, present(second)), FencedError)
        assert.equal(hasBlock(store, present(second)), false)
        await cut(later, present(second))
        await expectExactly(store, later, messages)
      })

      it('what an earlier one has under way is in the later one, or is refused', async () => {
        let messages: Positioned[] = []
        for (let round = 0; round < 4; round += 1) {
          const earlier = await store.open()
          const batch = batchFrom(messages.length, LIMITS.journalBatch)
          const appending = earlier.append(batch).then(
            () => true,
            (error: unknown) => {
              assert.ok(error instanceof FencedError, String(error))
              return false
            }
          )
          const later = await store.open()
          const after = later.end
          const isThere = await appending
          assert.equal(later.end, after)
          assert.equal(after, messages.length + (isThere ? batch.length : 0))
          if (isThere) messages = [...messages, ...batch]
          await expectExactly(store, later, messages)
        }
      })

      it('of two that are opened at once only the later one can write', async () => {
        const opened = await Promise.allSettled([store.open(), store.open()])
        const journals = opened.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
        assert.ok(journals.length > 0)
        const written = await Promise.allSettled(journals.map(journal => journal.append(batchFrom(0, 2))))
        assert.equal(written.filter(({ status }) => status === 'fulfilled').length, 1)
        const newest = journals.toSorted((one, other) => (one.epoch < other.epoch ? -1 : 1)).at(-1)
        assert.equal(present(newest).end, 2)
        assert.equal((await readAll(await store.open())).length, 2)
      })
    })

    it('is what its model says after any batches, failures, kills and takeovers', async () => {
      const step = fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }) },
        { weight: 1, arbitrary: fc.constantFrom('takeover', 'kill', ...WAYS_TO_FAIL) }
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
          let now = await make(net, cleanup)
          let journal = await now.open()
          let messages: Positioned[] = []
          for (const what of steps) {
            const { epoch } = journal
            const batch = batchFrom(messages.length, typeof what === 'number' ? what : 3)
            if (typeof what === 'number') {
              await journal.append(batch)
              messages = [...messages, ...batch]
              continue
            }
            if (what !== 'takeover' && what !== 'kill') {
              now.failNext(what)
              await failureOf(journal.append(batch))
            }
            if (what !== 'takeover') now = await now.killed()
            journal = await now.open()
            assert.ok(journal.epoch > epoch)
            if (journal.end > messages.length) messages = [...messages, ...batch]
          }
          await expectExactly(now, journal, messages)
        }),
        { numRuns: 15 }
      )
    })
  })
}

function placed({ envelope, leaf, author, sequence }: Made, position: number): Positioned {
  return { envelope, leaf, author, sequence, position }
}

function expectSame(envelopes: readonly EnvelopeBytes[], messages: readonly Positioned[]): void {
  assert.equal(envelopes.length, messages.length)
  for (const [index, envelope] of envelopes.entries())
    assert.ok(equal(envelope, present(messages[index]).envelope), `the message at index ${index}`)
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => assert.fail('the call was to fail'),
    (error: unknown) => error
  )
}
