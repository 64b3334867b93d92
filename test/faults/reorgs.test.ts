import assert from 'node:assert/strict'
import type { Database } from '#src/chain/store.js'
import { toHex } from '#src/core/bytes.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { type Made, OpenAuthor } from '../helpers/authors.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { EqualLog } from '../helpers/equals.js'
import { FailingWrites, WAYS_TO_FAIL, type WayToFail } from '../helpers/failing-writes.js'
import { ForkMaker, GENESIS } from '../helpers/fork-maker.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

const WHAT: Record<WayToFail, string> = {
  before: 'with nothing written',
  full: 'and every later one, as the disk is full',
  after: 'though all of it was written'
}

/** The network's document; a message; eleven blocks; once more where branches are let go. */
const WRITES = 14

describe('each write of a reorg fails in turn', () => {
  const cleanup = new Cleanup(afterEach)
  const net = makeWorkNetwork({ maxReorg: 3 })
  const validation = new ValidationPool(net.network)
  let maker: ForkMaker
  /** One that only ever waits. */
  let patient: Made
  /** Messages and blocks, in the order in which they come. */
  let arrivals: readonly (Made | string)[]

  before(async () => {
    await validation.start()
    const [alice, bob, carol] = await Promise.all(
      ['alice', 'bob', 'carol'].map(name => OpenAuthor.create(net, name))
    )
    assert.ok(alice && bob && carol)
    maker = await ForkMaker.create(net)
    const shared = alice.says(4)
    patient = bob.say({ text: 'nobody mines this' })
    maker.make('a1', { messages: shared })
    maker.make('a2', { on: 'a1', messages: alice.says(5) })
    maker.make('a3', { on: 'a2', messages: alice.says(1) })
    maker.make('b1', { above: 'a1', messages: carol.says(5) })
    maker.make('b2', { on: 'b1', messages: shared })
    maker.make('b3', { on: 'b2', above: 'a3' })
    // It takes the place of all three.
    maker.make('b4', { on: 'b3', messages: bob.says(2) })
    // The others are out of reach now, and let go.
    maker.make('b5', { on: 'b4' })
    maker.make('c4', { on: 'b3', above: 'b4', messages: carol.says(3) })
    maker.make('c5', { on: 'c4', above: 'b5', messages: bob.says(1) })
    maker.make('c6', { on: 'c5' })
    arrivals = [patient, 'a1', 'a2', 'a3', 'b1', 'b3', 'b2', 'b4', 'b5', 'c4', 'c5', 'c6']
  })

  after(() => validation.stop())

  /** The head after each arrival. */
  const HEADS = [GENESIS, 'a1', 'a2', 'a3', 'a3', 'a3', 'a3', 'b4', 'b5', 'b5', 'b5', 'c6']

  interface Lived {
    /** How many arrivals went well. */
    readonly arrived: number
    readonly failure: unknown
  }

  /** Lets all arrive until a write fails. */
  async function live(database: Database): Promise<Lived> {
    let arrived = 0
    let log: EqualLog | undefined
    try {
      log = await EqualLog.open(net, database, validation)
      for (const arrival of arrivals) {
        await take(log, arrival)
        assert.equal(maker.nameOf(log.chain.head().id), HEADS[arrived])
        arrived += 1
      }
    } catch (failure) {
      assert.match(String(failure), /prewrite hook failed|did not answer/)
      if (typeof arrivals[arrived] === 'string' && log !== undefined) await expectDead(log)
      return { arrived, failure }
    }
    return { arrived, failure: undefined }
  }

  async function take(log: EqualLog, arrival: Made | string): Promise<void> {
    if (typeof arrival === 'string') await log.hear(maker.block(arrival))
    else await log.submit(arrival)
  }

  /** Once a block could not be written, nothing is written on top of what is not known. */
  async function expectDead(log: EqualLog): Promise<void> {
    const before = await log.database.iterator().all()
    for (const arrival of arrivals)
      if (typeof arrival === 'string') await log.hear(maker.block(arrival)).catch(() => undefined)
    assert.deepEqual(await log.database.iterator().all(), before)
  }

  /** Leaves of messages that have stood in the main chain by then, or were said to be kept. */
  function keptAfter(arrived: number): ReadonlySet<string> {
    const heads = HEADS.slice(0, arrived)
    return new Set([
      ...(arrived > 0 ? [toHex(patient.leaf)] : []),
      ...heads.flatMap(name => maker.leavesOf(name))
    ])
  }

  for (const way of WAYS_TO_FAIL)
    it(`${WHAT[way]}: the head is the old one or the new one, with all that belongs to it; no message is lost`, async () => {
      for (let failing = 1; ; failing += 1) {
        const folder = await cleanup.folder()
        const broken = await openDatabase(folder)
        const disk = new FailingWrites(broken, failing, way)
        const { arrived, failure } = await live(broken).finally(() => broken.close())
        assert.equal(failure !== undefined, disk.hasFailed)

        const database = await openDatabase(folder)
        try {
          const log = await EqualLog.open(net, database, validation)
          const { head, messages, waiting } = await log.check()
          const name = maker.nameOf(head.id)
          assert.ok([HEADS[arrived - 1] ?? GENESIS, HEADS[arrived]].includes(name), `the head is ${name}`)
          const there = new Set([...messages, ...waiting].map(({ leaf }) => toHex(leaf)))
          for (const leaf of keptAfter(arrived)) assert.ok(there.has(leaf), 'no message is lost')

          for (const arrival of arrivals) await take(log, arrival)
          const end = await log.check()
          assert.equal(maker.nameOf(end.head.id), 'c6')
          const left = new Set([...end.messages, ...end.waiting].map(({ leaf }) => toHex(leaf)))
          assert.deepEqual(left, keptAfter(HEADS.length))
        } finally {
          await database.close()
        }
        if (failure === undefined) {
          assert.equal(failing, WRITES + 1, 'each write has failed once')
          break
        }
      }
    })
})
