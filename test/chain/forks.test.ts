import assert from 'node:assert/strict'
import type { Database } from '#src/chain/store.js'
import { sha256 } from '#src/core/hash.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { openDatabase } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { EqualLog } from '../helpers/equals.js'
import { type BlockWishes, ForkMaker, GENESIS } from '../helpers/fork-maker.js'
import { outcomeOf } from '../helpers/fork-stage.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

/** A block that arrives, what becomes of it, and the head afterwards. */
type Step = readonly [block: string, outcome: string, head: string]

interface Row {
  readonly name: string
  /** In an order in which they can be made: on the genesis unless `on` says otherwise. */
  readonly blocks: Readonly<Record<string, BlockWishes>>
  readonly orders: readonly (readonly Step[])[]
  /** The head in the end, in whatever order they arrive; left out where that depends on the order. */
  readonly always?: string
}

/** Blocks whose times say that they came in no time: the next one weighs 22, then 32, 45, 64, and not 16. */
const FAST = 1
/** Blocks that took three intervals: the next one weighs 8, then 4, then 2, and not 16. */
const SLOW = 3_000

const WRONG_LOG = { forgery: { header: () => ({ log: sha256(Uint8Array.of(1)) }) } }

/** Where nothing else is said, a block weighs 16. A branch may replace 4 blocks. */
const ROWS: readonly Row[] = [
  {
    name: 'simple extension',
    blocks: { a1: {}, a2: { on: 'a1' }, a3: { on: 'a2' } },
    orders: [
      [
        ['a1', 'extended', 'a1'],
        ['a2', 'extended', 'a2'],
        ['a3', 'extended', 'a3']
      ]
    ],
    always: 'a3'
  },
  {
    name: 'the same blocks again',
    blocks: { a1: {}, a2: { on: 'a1' }, b1: { above: 'a1' } },
    orders: [
      [
        ['a1', 'extended', 'a1'],
        ['a1', 'known', 'a1'],
        ['a2', 'extended', 'a2'],
        ['b1', 'side', 'a2'],
        ['a1', 'known', 'a2'],
        ['b1', 'known', 'a2'],
        [GENESIS, 'known', 'a2']
      ]
    ],
    always: 'a2'
  },
  {
    name: 'side branch overtakes',
    blocks: {
      a1: {},
      a2: { on: 'a1' },
      b1: { above: 'a1' },
      b2: { on: 'b1', above: 'a2' },
      b3: { on: 'b2' }
    },
    orders: [
      [
        ['a1', 'extended', 'a1'],
        ['a2', 'extended', 'a2'],
        ['b1', 'side', 'a2'],
        ['b2', 'side', 'a2'],
        ['b3', 'replaces 2', 'b3']
      ],
      [
        ['b1', 'extended', 'b1'],
        ['a1', 'replaces 1', 'a1'],
        ['b2', 'replaces 1', 'b2'],
        ['a2', 'replaces 2', 'a2'],
        ['b3', 'replaces 2', 'b3']
      ],
      [
        ['b1', 'extended', 'b1'],
        ['b2', 'extended', 'b2'],
        ['b3', 'extended', 'b3'],
        ['a1', 'side', 'b3'],
        ['a2', 'side', 'b3']
      ]
    ],
    always: 'b3'
  },
  {
    name: 'a branch of a side branch overtakes',
    blocks: {
      a1: {},
      a2: { on: 'a1' },
      b1: { above: 'a1' },
      b2: { on: 'b1', above: 'a2' },
      c2: { on: 'b1', above: 'b2' },
      c3: { on: 'c2' }
    },
    orders: [
      [
        ['a1', 'extended', 'a1'],
        ['a2', 'extended', 'a2'],
        ['b1', 'side', 'a2'],
        ['b2', 'side', 'a2'],
        ['c2', 'side', 'a2'],
        ['c3', 'replaces 2', 'c3']
      ]
    ],
    always: 'c3'
  },
  {
    name: 'there and back again',
    blocks: {
      a1: {},
      a2: { on: 'a1' },
      b2: { on: 'a1', above: 'a2' },
      b3: { on: 'b2' },
      a3: { on: 'a2', above: 'b3' },
      a4: { on: 'a3' }
    },
    orders: [
      [
        ['a1', 'extended', 'a1'],
        ['a2', 'extended', 'a2'],
        ['b2', 'side', 'a2'],
        ['b3', 'replaces 1', 'b3'],
        ['a3', 'side', 'b3'],
        ['a4', 'replaces 2', 'a4'],
        ['b3', 'known', 'a4']
      ]
    ],
    always: 'a4'
  },
  {
    // 16 + 8 + 4 + 2 against 16 + 22.
    name: 'heaviest beats longest',
    blocks: {
      long1: { after: SLOW },
      long2: { on: 'long1', after: SLOW },
      long3: { on: 'long2', after: SLOW },
      long4: { on: 'long3', after: SLOW },
      heavy1: { after: FAST, above: 'long1' },
      heavy2: { on: 'heavy1', after: FAST }
    },
    orders: [
      [
        ['long1', 'extended', 'long1'],
        ['long2', 'extended', 'long2'],
        ['long3', 'extended', 'long3'],
        ['long4', 'extended', 'long4'],
        ['heavy1', 'side', 'long4'],
        ['heavy2', 'replaces 4', 'heavy2']
      ],
      [
        ['heavy1', 'extended', 'heavy1'],
        ['heavy2', 'extended', 'heavy2'],
        ['long1', 'side', 'heavy2'],
        ['long2', 'side', 'heavy2'],
        ['long3', 'side', 'heavy2'],
        ['long4', 'side', 'heavy2']
      ]
    ],
    always: 'heavy2'
  },
  {
    name: 'orphans before parents',
    blocks: { a1: {}, a2: { on: 'a1' }, a3: { on: 'a2' }, b3: { on: 'a2', above: 'a3' } },
    orders: [
      [
        ['a3', 'orphan', GENESIS],
        ['a2', 'orphan', GENESIS],
        ['a1', 'extended', 'a3']
      ],
      [
        ['a1', 'extended', 'a1'],
        ['b3', 'orphan', 'a1'],
        ['a3', 'orphan', 'a1'],
        ['a2', 'extended', 'a3']
      ],
      [
        ['a2', 'orphan', GENESIS],
        ['a2', 'orphan', GENESIS],
        ['a1', 'extended', 'a2']
      ]
    ],
    always: 'a3'
  },
  {
    name: 'orphans of a branch that overtakes',
    blocks: { a1: {}, b1: { above: 'a1' }, b2: { on: 'b1' }, b3: { on: 'b2' } },
    orders: [
      [
        ['b3', 'orphan', GENESIS],
        ['a1', 'extended', 'a1'],
        ['b2', 'orphan', 'a1'],
        ['b1', 'side', 'b3']
      ]
    ],
    always: 'b3'
  },
  {
    name: 'invalid block in the middle poisons its descendants',
    blocks: {
      a1: {},
      bad2: { on: 'a1', ...WRONG_LOG },
      bad3: { on: 'bad2' },
      bad4: { on: 'bad3' },
      a2: { on: 'a1' }
    },
    orders: [
      [
        ['a1', 'extended', 'a1'],
        ['bad2', 'invalid: log', 'a1'],
        ['bad3', 'invalid: parent', 'a1'],
        ['bad4', 'invalid: parent', 'a1'],
        ['a2', 'extended', 'a2']
      ],
      [
        ['a1', 'extended', 'a1'],
        ['bad4', 'orphan', 'a1'],
        ['bad3', 'orphan', 'a1'],
        ['bad2', 'invalid: log', 'a1'],
        ['bad4', 'invalid: parent', 'a1'],
        ['bad3', 'invalid: parent', 'a1'],
        ['bad2', 'invalid: parent', 'a1'],
        ['a2', 'extended', 'a2']
      ],
      [
        ['bad3', 'orphan', GENESIS],
        ['bad2', 'orphan', GENESIS],
        ['a1', 'extended', 'a1'],
        ['bad3', 'invalid: parent', 'a1']
      ]
    ],
    always: 'a2'
  },
  {
    name: 'invalid block at the end of a heavier branch',
    blocks: {
      a1: {},
      a2: { on: 'a1' },
      b1: { above: 'a1' },
      b2: { on: 'b1', above: 'a2' },
      bad3: { on: 'b2', ...WRONG_LOG },
      b3: { on: 'b2' }
    },
    orders: [
      [
        ['a1', 'extended', 'a1'],
        ['a2', 'extended', 'a2'],
        ['b1', 'side', 'a2'],
        ['b2', 'side', 'a2'],
        ['bad3', 'invalid: log', 'a2'],
        ['b3', 'replaces 2', 'b3']
      ]
    ],
    always: 'b3'
  },
  {
    name: 'ties in either arrival order',
    blocks: { high: {}, low: { below: 'high' } },
    orders: [
      [
        ['high', 'extended', 'high'],
        ['low', 'replaces 1', 'low']
      ],
      [
        ['low', 'extended', 'low'],
        ['high', 'side', 'low']
      ]
    ],
    always: 'low'
  },
  {
    name: 'ties of longer branches',
    blocks: {
      low1: {},
      high2: { on: 'low1' },
      high1: { above: 'low1' },
      low2: { on: 'high1', below: 'high2' }
    },
    orders: [
      [
        ['low1', 'extended', 'low1'],
        ['high2', 'extended', 'high2'],
        ['high1', 'side', 'high2'],
        ['low2', 'replaces 2', 'low2']
      ]
    ],
    always: 'low2'
  },
  {
    name: 'tie, then extension',
    blocks: { high: {}, low: { below: 'high' }, top: { on: 'high' } },
    orders: [
      [
        ['high', 'extended', 'high'],
        ['low', 'replaces 1', 'low'],
        ['top', 'replaces 1', 'top']
      ],
      [
        ['low', 'extended', 'low'],
        ['high', 'side', 'low'],
        ['top', 'replaces 1', 'top']
      ],
      [
        ['low', 'extended', 'low'],
        ['top', 'orphan', 'low'],
        ['high', 'side', 'top']
      ]
    ],
    always: 'top'
  },
  {
    name: 'fork at the allowed depth',
    blocks: {
      a1: {},
      a2: { on: 'a1' },
      a3: { on: 'a2' },
      a4: { on: 'a3' },
      b1: { after: FAST, above: 'a1' },
      b2: { on: 'b1', after: FAST },
      b3: { on: 'b2', after: FAST }
    },
    orders: [
      [
        ['a1', 'extended', 'a1'],
        ['a2', 'extended', 'a2'],
        ['a3', 'extended', 'a3'],
        ['a4', 'extended', 'a4'],
        ['b1', 'side', 'a4'],
        ['b2', 'side', 'a4'],
        ['b3', 'replaces 4', 'b3']
      ]
    ],
    always: 'b3'
  },
  {
    // 16 + 22 + 32 + 45 against 5 × 16.
    name: 'fork below the allowed depth',
    blocks: {
      a1: {},
      a2: { on: 'a1' },
      a3: { on: 'a2' },
      a4: { on: 'a3' },
      a5: { on: 'a4' },
      b1: { after: FAST, above: 'a1' },
      b2: { on: 'b1', after: FAST },
      b3: { on: 'b2', after: FAST },
      b4: { on: 'b3', after: FAST }
    },
    orders: [
      [
        ['a1', 'extended', 'a1'],
        ['a2', 'extended', 'a2'],
        ['a3', 'extended', 'a3'],
        ['a4', 'extended', 'a4'],
        ['a5', 'extended', 'a5'],
        ['b1', 'conflict', 'a5'],
        ['b2', 'conflict', 'a5'],
        ['b3', 'orphan', 'a5'],
        ['b4', 'orphan', 'a5']
      ],
      [
        ['a1', 'extended', 'a1'],
        ['b1', 'side', 'a1'],
        ['a2', 'extended', 'a2'],
        ['a3', 'extended', 'a3'],
        ['a4', 'extended', 'a4'],
        // The branch is out of reach, and let go.
        ['a5', 'extended', 'a5'],
        ['b1', 'conflict', 'a5'],
        ['b2', 'conflict', 'a5']
      ],
      [
        ['a1', 'extended', 'a1'],
        ['a2', 'extended', 'a2'],
        ['a3', 'extended', 'a3'],
        ['a4', 'extended', 'a4'],
        ['b1', 'side', 'a4'],
        ['b2', 'side', 'a4'],
        ['b3', 'replaces 4', 'b3'],
        ['a5', 'replaces 3', 'a5'],
        // Its parent has been let go.
        ['b4', 'orphan', 'a5']
      ]
    ]
  }
]

function* permutations(items: readonly string[]): Iterable<readonly string[]> {
  if (items.length === 0) yield []
  for (const [index, item] of items.entries())
    for (const others of permutations(items.toSpliced(index, 1))) yield [item, ...others]
}

describe('forks', () => {
  const cleanup = new Cleanup(afterEach)
  const net = makeWorkNetwork()
  const validation = new ValidationPool(net.network)

  before(() => validation.start())
  after(() => validation.stop())

  async function makerOf({ blocks }: Row): Promise<ForkMaker> {
    const maker = await ForkMaker.create(net)
    for (const [name, wishes] of Object.entries(blocks)) maker.make(name, wishes)
    return maker
  }

  function open(database: Database): Promise<EqualLog> {
    return EqualLog.open(net, database, validation)
  }

  for (const row of ROWS) {
    for (const steps of row.orders)
      it(`${row.name}: ${steps.map(([block]) => block).join(', ')}`, async () => {
        const maker = await makerOf(row)
        const database = await openDatabase(await cleanup.folder())
        cleanup.add(() => database.close())
        const log = await open(database)
        for (const [block, outcome, head] of steps) {
          const imported = await log.hear(maker.block(block))
          assert.deepEqual([outcomeOf(imported), maker.nameOf(log.chain.head().id)], [outcome, head], block)
          const checked = await log.check()
          assert.equal(checked.weight, maker.weightOf(head))
          const reopened = await open(database)
          assert.equal(maker.nameOf(reopened.chain.head().id), head, `${head}, once reopened`)
        }
      })

    const { always, blocks } = row
    if (always !== undefined)
      it(`${row.name}: ${always} in the end, in whatever order they arrive`, async () => {
        const maker = await makerOf(row)
        const names = Object.keys(blocks)
        const orders =
          names.length <= 4
            ? [...permutations(names)]
            : names.map((_, index) => [...names.slice(index), ...names.slice(0, index)])
        for (const order of orders) {
          const log = await open(await memoryDatabase())
          for (const name of order) await log.hear(maker.block(name))
          assert.equal(maker.nameOf(log.chain.head().id), always, order.join(', '))
          await log.check()
        }
      })
  }
})
