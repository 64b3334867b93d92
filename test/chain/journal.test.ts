import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Database, keys } from '#src/chain/store.js'
import { toHex, utf8 } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { Author, type Made } from '../helpers/authors.js'
import { assertBytes } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { checkDatabase, checkPeer, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { type LogReceipt, runLog, type TestLog } from '../helpers/logs.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'

const BLOCK_SIZE = 4

describe('the journal', () => {
  const cleanup = new Cleanup(afterEach)
  let net: TestNetwork
  let authors: Author[]

  before(async () => {
    net = await makeNetwork({ blockSize: BLOCK_SIZE })
    authors = await Promise.all(['alice', 'bob', 'carol'].map(name => Author.create(net, name)))
  })

  async function open(folder: string): Promise<{ log: TestLog; database: Database }> {
    const database = await openDatabase(folder)
    cleanup.add(() => database.close())
    return { log: await runLog(net, database), database }
  }

  const alice = (): Author => present(authors[0])

  it('gives positions in the order of its calls, and a receipt to each author once they are on disk', async () => {
    const { log, database } = await open(await cleanup.folder())
    const messages = Array.from({ length: 30 }, (_, index) =>
      present(authors[index % 3]).say({ text: `message ${index}` })
    )
    for (const message of messages) assert.equal(log.queue.add(message).kind, 'accepted')
    assert.equal(log.queue.pending().count, 0, 'nothing is pending before it is on disk')
    await log.settled(30)
    for (const [position, { leaf, sequence }] of messages.entries()) {
      const receipt = present(log.receipts.get(toHex(leaf)))
      assert.deepEqual([receipt.position, receipt.sequence], [position, sequence])
    }
    await log.queue.close()
    assert.equal(log.queue.pending().count, 30)
    await checkDatabase(database, net)
  })

  it('writes what comes at once as one batch, with one receipt an author, none over its limit', async () => {
    const { log, database } = await open(await cleanup.folder())
    let batches = 0
    database.on('write', () => {
      batches += 1
    })
    const count = LIMITS.journalBatch + 10
    for (const message of alice().says(count)) log.queue.add(message)
    await log.settled(count)
    await log.queue.close()
    assert.equal(batches, 2)
    assert.equal(new Set([...log.receipts.values()].map(({ bytes }) => toHex(bytes))).size, 2)
    await checkDatabase(database, net)
  })

  it('a message again while it is on its way to the disk is accepted once; another body is taken', async () => {
    const { log, database } = await open(await cleanup.folder())
    const message = alice().say({ text: 'once' })
    const other = alice().say({ text: 'other' }, { sequence: message.sequence })
    const kinds = [message, message, other, message].map(made => log.queue.add(made).kind)
    assert.deepEqual(kinds, ['accepted', 'accepted', 'taken', 'accepted'])
    await log.settled(1)
    await log.queue.close()
    assert.equal((await checkDatabase(database, net)).pending, 1)
  })

  it('opened and closed without a message it has nothing', async () => {
    const { log, database } = await open(await cleanup.folder())
    assert.deepEqual(log.queue.pending(), { count: 0, oldest: 0 })
    assert.throws(() => log.queue.take(1), RangeError)
    assert.deepEqual(log.queue.take(0), { envelopes: [], leaves: [] })
    await log.queue.close()
    assert.equal((await checkDatabase(database, net)).pending, 0)
  })

  it('keeps taking messages while a block is cut', async () => {
    const { log, database } = await open(await cleanup.folder())
    const messages = alice().says(40)
    for (const message of messages.slice(0, 20)) log.queue.add(message)
    await log.settled(20)
    const cutting = log.cut(BLOCK_SIZE)
    for (const message of messages.slice(20)) assert.equal(log.queue.add(message).kind, 'accepted')
    await cutting
    await log.settled(40)
    await log.queue.close()
    const checked = await checkDatabase(database, net)
    assert.deepEqual([checked.height, checked.pending], [1, 36])
    assert.deepEqual(
      checked.messages.map(({ leaf }) => toHex(leaf)),
      messages.map(({ leaf }) => toHex(leaf))
    )
  })

  describe('what earlier rules let in', () => {
    const { bodyValues } = LIMITS
    const outgrown: readonly (readonly [string, string])[] = [
      ['nested 4,000 deep', `{"data":{"a":${'['.repeat(4_000)}${']'.repeat(4_000)}},"text":"x"}`],
      [
        'of more values than a body may have',
        `{"data":{"a":[${Array(bodyValues).fill('0').join(',')}]},"text":"x"}`
      ],
      ['that does not fit the schema', '{"text":5}']
    ]

    it('and has its receipt, a start goes on with, and blocks are cut over', async () => {
      const folder = await cleanup.folder()
      const first = await open(folder)
      const messages = [
        ...outgrown.map(([, text]) => alice().sealed(utf8(text))),
        alice().say({ text: 'usual' })
      ]
      for (const message of messages) assert.equal(first.log.queue.add(message).kind, 'accepted')
      await first.log.settled(messages.length)
      await first.log.queue.close()
      await first.database.close()

      const { log } = await open(folder)
      assert.equal(log.queue.pending().count, messages.length)
      await log.cut(BLOCK_SIZE)
      assert.deepEqual([log.queue.pending().count, log.chain.head().header.size], [0, BLOCK_SIZE])
      for (const message of messages) assert.equal(log.queue.add(message).kind, 'known')
    })

    for (const [what, text] of outgrown)
      it(`but has none, is judged as a new message: a body ${what} is refused`, async () => {
        const folder = await cleanup.folder()
        const { log, database } = await open(folder)
        const message = alice().sealed(utf8(text))
        log.queue.add(message)
        await log.settled(1)
        await log.queue.close()
        const key = keys.sequence(message.author, message.sequence)
        const place = present(await database.get(key))
        await database.put(key, place.subarray(0, 6))
        await database.del(keys.receipt(0))
        await assert.rejects(runLog(net, database), /the message at position 0 is damaged: /)
      })

    it('is known by its bytes: another message in its place is refused, though it is valid', async () => {
      const folder = await cleanup.folder()
      const { log, database } = await open(folder)
      const message = alice().say({ text: 'receipted' })
      const other = alice().say({ text: 'another one' }, { sequence: message.sequence })
      log.queue.add(message)
      await log.settled(1)
      await log.queue.close()
      await database.put(keys.message(0), other.envelope)
      await assert.rejects(runLog(net, database), /index of the message at position 0 is damaged/)
      await database.put(keys.leaf(other.leaf, 0), new Uint8Array(0))
      await database.del(keys.leaf(message.leaf, 0))
      await assert.rejects(runLog(net, database), /index of the message at position 0 is damaged/)
    })
  })

  /** What a journal must be: the messages in the order in which they were first appended. */
  interface Model {
    readonly order: Made[]
    /** Those known to be on disk, with the receipt that they have for good. */
    readonly receipts: Map<string, LogReceipt>
    inBlocks: number
  }

  interface Real {
    readonly folder: string
    log: TestLog
    database: Database
  }

  type Step = fc.AsyncCommand<Model, Real>

  /** All that was appended gets on disk, and each receipt is checked against the model. */
  async function settle(model: Model, { log }: Real): Promise<void> {
    await log.until('all receipts', () =>
      model.order.every(({ leaf }) => model.receipts.has(toHex(leaf)) || log.receipts.has(toHex(leaf)))
    )
    for (const [position, { leaf, sequence }] of model.order.entries()) {
      const name = toHex(leaf)
      const issued = log.receipts.get(name)
      if (issued === undefined || model.receipts.has(name)) continue
      assert.deepEqual([issued.position, issued.sequence], [position, sequence])
      model.receipts.set(name, issued)
    }
  }

  function appending(author: number, count: number): Step {
    return {
      check: () => true,
      run: async (model, { log }) => {
        for (const made of present(authors[author]).says(count)) {
          assert.equal(log.queue.add(made).kind, 'accepted')
          model.order.push(made)
        }
      },
      toString: () => `append ${count} of author ${author}`
    }
  }

  function repeating(pick: number): Step {
    return {
      check: ({ order }) => order.length > 0,
      run: async (model, { log }) => {
        const made = present(model.order[pick % model.order.length])
        const appended = log.queue.add(made)
        const settled = model.receipts.get(toHex(made.leaf))
        if (settled) assert.equal(appended.kind, 'known')
        else assert.ok(appended.kind === 'accepted' || appended.kind === 'known')
        if (settled && appended.kind === 'known') assertBytes(appended.receipt, settled.bytes)
      },
      toString: () => `repeat ${pick}`
    }
  }

  function contradicting(pick: number): Step {
    return {
      check: ({ order }) => order.length > 0,
      run: async (model, { log }) => {
        const { author, sequence } = present(model.order[pick % model.order.length])
        const writer = present(authors.find(({ peerId }) => peerId === author))
        assert.equal(log.queue.add(writer.say({ text: 'contradiction' }, { sequence })).kind, 'taken')
      },
      toString: () => `contradict ${pick}`
    }
  }

  const settling: Step = {
    check: () => true,
    run: async (model, real) => {
      await settle(model, real)
      assert.equal(real.log.queue.pending().count, model.order.length - model.inBlocks)
    },
    toString: () => 'settle'
  }

  const cutting: Step = {
    check: () => true,
    run: async (model, { log }) => {
      if (log.queue.pending().count < BLOCK_SIZE) return
      await log.cut(BLOCK_SIZE)
      model.inBlocks += BLOCK_SIZE
      const head = log.chain.head().header
      assert.deepEqual([head.size, head.height], [model.inBlocks, model.inBlocks / BLOCK_SIZE])
    },
    toString: () => 'cut'
  }

  /** Stops as the sequencer does, and starts again on the same folder. */
  const reopening: Step = {
    check: () => true,
    run: async (model, real) => {
      await settle(model, real)
      await real.log.queue.close()
      await real.database.close()
      Object.assign(real, await open(real.folder))
      assert.equal(real.log.queue.pending().count, model.order.length - model.inBlocks)
    },
    toString: () => 'reopen'
  }

  it('behaves as its model over any appends, repetitions, contradictions, blocks and restarts', async () => {
    const steps = [
      fc
        .tuple(fc.nat(2), fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(40)))
        .map(([author, count]) => appending(author, count)),
      fc.nat(1000).map(repeating),
      fc.nat(1000).map(contradicting),
      fc.constant(settling),
      fc.constant(cutting),
      fc.constant(reopening)
    ]
    await fc.assert(
      fc.asyncProperty(fc.commands(steps, { maxCommands: 40 }), async commands => {
        const folder = await cleanup.folder()
        const real: Real = { folder, ...(await open(folder)) }
        const model: Model = { order: [], receipts: new Map(), inBlocks: 0 }
        await fc.asyncModelRun(() => ({ model, real }), [...commands, settling])
        await real.log.queue.close()
        await real.database.close()
        assert.deepEqual(real.log.failures, [])
        const checked = await checkPeer(folder, net)
        assert.deepEqual(
          checked.messages.map(({ leaf }) => toHex(leaf)),
          model.order.map(({ leaf }) => toHex(leaf))
        )
        assert.equal(checked.size, model.inBlocks)
      }),
      { numRuns: 60 }
    )
  })
})
