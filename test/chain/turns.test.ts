import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Database } from '#src/chain/store.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { OpenAuthor } from '../helpers/authors.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { EqualLog } from '../helpers/equals.js'
import { ForkMaker } from '../helpers/fork-maker.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

const DEPTH = 100
const BLOCK_SIZE = 40
/** What one turn of the event loop may write at most: what `write` takes in one, and one block. */
const MOST_IN_A_TURN = 1_024 + 8 * BLOCK_SIZE

/** Turns of the event loop, and what is written in each. */
class Turns {
  #isOver = false
  #written = 0
  turns = 0
  most = 0

  constructor(database: Database) {
    database.hooks.prewrite.add(() => {
      this.#written += 1
    })
    const turn = (): void => {
      this.turns += 1
      this.most = Math.max(this.most, this.#written)
      this.#written = 0
      if (!this.#isOver) setImmediate(turn)
    }
    setImmediate(turn)
  }

  end(): void {
    this.#isOver = true
  }
}

describe('a reorg as deep as it may be', () => {
  const cleanup = new Cleanup(afterEach)
  const net = makeWorkNetwork({
    blockSize: BLOCK_SIZE,
    maxReorg: DEPTH,
    interval: 1_000,
    halfLife: 86_400_000
  })
  const validation = new ValidationPool(net.network)

  before(() => validation.start())
  after(() => validation.stop())

  it('is worked out in small steps: others get their turns between them', async () => {
    const maker = await ForkMaker.create(net)
    const alice = await OpenAuthor.create(net, 'alice')
    const bob = await OpenAuthor.create(net, 'bob')
    const log = await EqualLog.open(net, await databaseIn(await cleanup.folder()), validation)
    for (const [name, author, count] of [
      ['a', alice, DEPTH],
      ['b', bob, DEPTH + 1]
    ] as const)
      for (let height = 1; height <= count; height += 1) {
        const on = height === 1 ? 'genesis' : `${name}${height - 1}`
        const above = name === 'b' && height === DEPTH ? `a${DEPTH}` : undefined
        maker.make(`${name}${height}`, { on, above, messages: author.says(BLOCK_SIZE) })
      }
    for (const name of ['a', 'b'])
      for (let height = 1; height <= DEPTH; height += 1) await log.hear(maker.block(`${name}${height}`))

    const turns = new Turns(log.database)
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const start = performance.now()
    const imported = await log.hear(maker.block(`b${DEPTH + 1}`))
    const ms = performance.now() - start
    delay.disable()
    turns.end()
    assert.ok(imported.kind === 'reorganized' && imported.depth === DEPTH)
    // One for each block that leaves and each that joins, and for each part of what is written.
    assert.ok(turns.turns > 2 * DEPTH, `${turns.turns} turns`)
    assert.ok(turns.most <= MOST_IN_A_TURN, `${turns.most} operations in a turn`)
    const longest = delay.max / 1e6
    console.log(
      `      ${DEPTH} blocks of ${BLOCK_SIZE} in ${ms.toFixed(0)} ms, ${turns.turns} turns, the longest ${longest.toFixed(0)} ms`
    )
    assert.equal(log.pool.size, DEPTH * BLOCK_SIZE)
    await log.check()
  })

  async function databaseIn(folder: string): Promise<Database> {
    const database = await openDatabase(folder)
    cleanup.add(() => database.close())
    return database
  }
})
