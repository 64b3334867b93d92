import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { Chain } from '#src/chain/chain.js'
import { LevelJournal } from '#src/chain/level-journal.js'
import { PendingQueue } from '#src/chain/pending-queue.js'
import { type Database, keys, StoreError } from '#src/chain/store.js'
import { type EnvelopeBytes, type Hash, utf8 } from '#src/core/bytes.js'
import { VerifierCache } from '#src/core/keys.js'
import { LIMITS } from '#src/core/limits.js'
import { leafHash } from '#src/core/merkle.js'
import { Opener } from '#src/core/sealing.js'
import { messageRules } from '#src/validation/message-rules.js'
import { Author, type Made } from '../helpers/authors.js'
import { flipped } from '../helpers/bytes.js'
import { present } from '../helpers/changes.js'
import { checkDatabase, openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { receiptIssuer, runLog } from '../helpers/logs.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'

describe('a folder that was damaged', () => {
  const cleanup = new Cleanup(afterEach)
  const shared = new Cleanup(after)
  let net: TestNetwork
  let messages: readonly Made[]
  let sound: string
  let third: Hash
  let database: Database

  // Six blocks of fifty, over one full tile of the log tree, and four messages pending.
  before(async () => {
    net = await makeNetwork({ blockSize: 50 })
    messages = (await Author.create(net, 'alice')).says(304)
    sound = await shared.folder()
    const whole = await openDatabase(sound)
    const log = await runLog(net, whole)
    for (const message of messages) log.queue.add(message)
    await log.settled(304)
    while (log.queue.pending().count >= 50) await log.cut(50)
    await log.queue.close()
    third = present(log.chain.headerAt(3)).id
    await checkDatabase(whole, net)
    await whole.close()
  })

  beforeEach(async () => {
    const folder = await cleanup.folder()
    await cp(sound, folder, { recursive: true })
    database = await openDatabase(folder)
    cleanup.add(() => database.close())
  })

  it('is served while nothing is wrong with it', async () => {
    const log = await runLog(net, database)
    assert.deepEqual([log.chain.head().header.height, log.queue.pending().count], [6, 4])
  })

  async function expectFound(): Promise<void> {
    await assert.rejects(runLog(net, database), error => {
      assert.ok(error instanceof StoreError, String(error))
      assert.notEqual(error.message, '')
      return true
    })
  }

  async function change(key: Uint8Array, alter: (value: Uint8Array) => Uint8Array): Promise<void> {
    await database.put(key, alter(present(await database.get(key), 'what is to be damaged')))
  }

  const places = { 'in the first block': 0, 'in the middle': 120, 'in the head': 299, pending: 302 }
  for (const [where, position] of Object.entries(places)) {
    for (const at of [0, 40, 150, -1])
      it(`a bit changed at byte ${at} of a message ${where} is found`, async () => {
        await change(keys.message(position), value => flipped(value, at))
        await expectFound()
      })

    it(`a message deleted ${where} is found`, async () => {
      await database.del(keys.message(position))
      await expectFound()
    })

    it(`a message cut short ${where} is found`, async () => {
      await change(keys.message(position), value => value.subarray(0, -1))
      await expectFound()
    })
  }

  it('two messages that changed places in a block are found', async () => {
    const first = present(await database.get(keys.message(10)))
    await change(keys.message(11), () => first)
    await change(keys.message(10), () => present(messages[11]).envelope)
    await expectFound()
  })

  it('two pending messages that changed places are found', async () => {
    await change(keys.message(301), () => present(messages[302]).envelope)
    await change(keys.message(302), () => present(messages[301]).envelope)
    await expectFound()
  })

  it('a message that was put behind the pending ones by another hand is found', async () => {
    await database.put(keys.message(304), present(messages[0]).envelope)
    await expectFound()
  })

  for (const height of [1, 3, 6]) {
    for (const at of [0, 45, 120, -1])
      it(`a bit changed at byte ${at} of header ${height} is found`, async () => {
        await change(keys.header(height), value => flipped(value, at))
        await expectFound()
      })
  }

  it('a header that stands at the place of another one is found', async () => {
    const other = present(await database.get(keys.header(2)))
    await change(keys.header(3), () => other)
    await expectFound()
  })

  for (const height of [1, 3, 6])
    it(`a deleted header ${height} is found: its block would be cut and signed a second time`, async () => {
      await database.del(keys.header(height))
      await expectFound()
    })

  it('a bit changed in a tile of the log tree is found', async () => {
    await change(keys.tile(0, 0), value => flipped(value, 100))
    await expectFound()
  })

  it('a deleted tile of the log tree is found', async () => {
    await database.del(keys.tile(0, 0))
    await expectFound()
  })

  it('an index of a pending message that names another place is found', async () => {
    const { author, sequence } = present(messages[302])
    await change(keys.sequence(author, sequence), value => flipped(value, 5))
    await expectFound()
  })

  it('a deleted index of a pending message is found', async () => {
    const { author, sequence } = present(messages[302])
    await database.del(keys.sequence(author, sequence))
    await expectFound()
  })

  it('a deleted index of a message in a block is found: the message could be stored a second time', async () => {
    const { author, sequence } = present(messages[120])
    await database.del(keys.sequence(author, sequence))
    await expectFound()
  })

  it('a deleted id of a block is found: nobody could ask for the block', async () => {
    await database.del(keys.id(third))
    await expectFound()
  })

  it('a deleted receipt is found: its author could never get it again', async () => {
    const first = present((await database.keys({ gte: keys.receipt(0), limit: 1 }).all())[0])
    await database.del(first)
    await expectFound()
  })

  it('a network document that was changed is found', async () => {
    await change(Uint8Array.of(0x6e), value => flipped(value, 20))
    await expectFound()
  })
})

describe('the journal at its limits', () => {
  const cleanup = new Cleanup(afterEach)

  it('what is not valid any more by stricter rules is taken over with its receipt, and found without one', async () => {
    const net = await makeNetwork()
    const alice = await Author.create(net, 'alice')
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const log = await runLog(net, database)
    const message = alice.say({ text: 'x' })
    log.queue.add(message)
    await log.settled(1)
    await log.queue.close()
    const chain = await Chain.open(database, net.rules)
    const strict = { ...messageRules(net.rules, new Opener([net.openingKey])), messageBytes: 10 }
    const open = async (): Promise<PendingQueue> =>
      PendingQueue.open(
        {
          journal: await LevelJournal.open(database, receiptIssuer(net)),
          database,
          chain,
          sequencer: net.sequencer,
          now: () => 0,
          clock: () => 0,
          committed: () => undefined,
          failed: error => assert.fail(error)
        },
        strict,
        new VerifierCache()
      )
    assert.equal((await open()).pending().count, 1)
    const index = keys.sequence(message.author, message.sequence)
    const place = present(await database.get(index))
    await database.put(index, place.subarray(0, 6))
    await database.del(keys.receipt(0))
    await assert.rejects(open(), StoreError)
  })

  it('takes no more than its limit of pending messages, and takes more once a block was cut', async () => {
    const net = await makeNetwork({ blockSize: 1000 })
    const alice = await Author.create(net, 'alice')
    const database = await openDatabase(await cleanup.folder())
    cleanup.add(() => database.close())
    const log = await runLog(net, database)
    // The journal is given what was found valid: it looks at no signature.
    const messages = Array.from({ length: LIMITS.pendingMessages + 1 }, (_, index) => {
      const envelope = utf8(`message ${index}`) as EnvelopeBytes
      return { envelope, leaf: leafHash(envelope), author: alice.peerId, sequence: BigInt(index + 1) }
    })
    const last = present(messages.at(-1))
    for (const message of messages.slice(0, -1)) assert.equal(log.queue.add(message).kind, 'accepted')
    assert.equal(log.queue.add(last).kind, 'full')
    await log.settled(LIMITS.pendingMessages)
    assert.equal(log.queue.add(last).kind, 'full')
    await log.cut(1000)
    assert.equal(log.queue.add(last).kind, 'accepted')
    await log.settled(LIMITS.pendingMessages + 1)
    await log.queue.close()
    assert.equal(log.queue.pending().count, LIMITS.pendingMessages - 999)
  })
})
