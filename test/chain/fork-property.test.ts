import assert from 'node:assert/strict'
import fc from 'fast-check'
import { toHex } from '#src/core/bytes.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { type Made, OpenAuthor } from '../helpers/authors.js'
import { present } from '../helpers/changes.js'
import { runs } from '../helpers/core.js'
import { EqualLog } from '../helpers/equals.js'
import { ForkMaker, GENESIS } from '../helpers/fork-maker.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { makeWorkNetwork } from '../helpers/work-network.js'

const PACES = [1, 1_000, 3_000]
const MESSAGES = 24

interface Planned {
  /** Counted from the genesis on, of those that are there by then. */
  readonly parent: number
  readonly pace: number
  readonly messages: readonly number[]
}

/** What happens to one peer: a block or a message comes, or it is stopped and started. */
type Happening =
  | { readonly kind: 'block'; readonly index: number }
  | { readonly kind: 'message'; readonly index: number }
  | { readonly kind: 'restart' }

const planned = fc.record({
  parent: fc.nat(20),
  pace: fc.nat(PACES.length - 1),
  messages: fc.uniqueArray(fc.nat(MESSAGES - 1), { maxLength: 4 })
})
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('block' as const), index: fc.nat(20) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('message' as const), index: fc.nat(MESSAGES - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) }
)

function nameOf({ author, sequence }: { readonly author: Uint8Array; readonly sequence: bigint }): string {
  return `${toHex(author)} ${sequence}`
}

/** A tree of blocks, and what can be said of them without a chain. */
class Tree {
  private constructor(
    readonly maker: ForkMaker,
    private readonly messages: readonly (readonly Made[])[]
  ) {}

  static async grow(maker: ForkMaker, plan: readonly Planned[], said: readonly Made[]): Promise<Tree> {
    const messages: (readonly Made[])[] = []
    const tree = new Tree(maker, messages)
    for (const [index, { parent, pace, messages: wanted }] of plan.entries()) {
      const at = parent % (index + 1)
      const on = at === 0 ? GENESIS : String(at - 1)
      const names = new Set(maker.branch(on).flatMap(name => tree.messagesOf(name).map(nameOf)))
      const chosen: Made[] = []
      for (const message of wanted.map(number => present(said[number])))
        if (!names.has(nameOf(message))) {
          names.add(nameOf(message))
          chosen.push(message)
        }
      messages.push(chosen)
      // No two blocks are the same.
      maker.make(String(index), { on, messages: chosen, after: present(PACES[pace]) + index })
    }
    return tree
  }

  get size(): number {
    return this.messages.length
  }

  messagesOf(name: string): readonly Made[] {
    return this.messages[Number(name)] ?? []
  }

  /** The best one of the blocks that have all their ancestors among them. */
  bestOf(blocks: ReadonlySet<string>): string {
    let best = GENESIS
    for (const name of blocks) {
      if (!this.maker.branch(name).every(ancestor => blocks.has(ancestor))) continue
      const [weight, most] = [this.maker.weightOf(name), this.maker.weightOf(best)]
      const isLower = Buffer.compare(this.maker.idOf(name), this.maker.idOf(best)) < 0
      if (weight > most || (weight === most && isLower)) best = name
    }
    return best
  }
}

describe('random trees of blocks, in random orders', () => {
  const net = makeWorkNetwork({ maxReorg: 100 })
  const validation = new ValidationPool(net.network)
  /** Three messages of each of four authors, and another body for each. */
  let said: readonly Made[]

  before(async () => {
    await validation.start()
    const authors = await Promise.all(
      ['alice', 'bob', 'carol', 'dave'].map(name => OpenAuthor.create(net, name))
    )
    said = authors.flatMap(author =>
      [1n, 2n, 3n].flatMap(sequence =>
        ['one', 'another'].map(text => author.say({ text: `${text} ${sequence}` }, { sequence }))
      )
    )
    assert.equal(said.length, MESSAGES)
  })

  after(() => validation.stop())

  /** Lets all happen to a peer, and then brings it all blocks. Gives its head. */
  async function live(tree: Tree, happenings: readonly Happening[]): Promise<string> {
    const database = await memoryDatabase()
    let log = await EqualLog.open(net, database, validation)
    const all = Array.from({ length: tree.size }, (_, index) => String(index))
    /** Names of messages that have stood in the main chain, or were taken into the pool. */
    const kept = new Set<string>()
    /** Blocks that are there, or wait in memory for their parents. */
    let heard = new Set<string>()
    const headOf = (): string => tree.maker.nameOf(log.chain.head().id)

    async function check(): Promise<void> {
      const { messages, waiting } = await log.check()
      const names = [...messages, ...waiting].map(({ author, sequence }) => `${author} ${sequence}`)
      assert.equal(new Set(names).size, names.length, 'no name twice')
      for (const name of kept) assert.ok(names.includes(name), `${name} is lost`)
      assert.deepEqual(
        messages.map(({ leaf }) => toHex(leaf)),
        tree.maker.leavesOf(headOf())
      )
    }

    async function hear(name: string): Promise<void> {
      await log.hear(tree.maker.block(name))
      heard.add(name)
      assert.equal(headOf(), tree.bestOf(heard), 'the heaviest of all that are there')
      for (const each of tree.maker.branch(headOf()))
        for (const message of tree.messagesOf(each)) kept.add(nameOf(message))
    }

    for (const each of happenings)
      switch (each.kind) {
        case 'block': {
          await hear(String(each.index % tree.size))
          break
        }
        case 'message': {
          const message = present(said[each.index])
          const pooled = await log.submit(message)
          if (pooled.kind === 'accepted') kept.add(nameOf(message))
          break
        }
        case 'restart': {
          await check()
          const before = headOf()
          log = await EqualLog.open(net, database, validation)
          assert.equal(headOf(), before)
          heard = new Set([...heard].filter(name => log.chain.place(tree.maker.idOf(name)) !== undefined))
          break
        }
      }
    for (const name of all) await hear(name)
    await check()
    return headOf()
  }

  it('all that have all blocks have the same head, the heaviest; no message is lost, and none is there twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(planned, { minLength: 1, maxLength: 14 }),
        fc.array(happening, { maxLength: 30 }),
        fc.array(happening, { maxLength: 30 }),
        async (plan, one, other) => {
          const tree = await Tree.grow(await ForkMaker.create(net), plan, said)
          const best = tree.bestOf(new Set(plan.map((_, index) => String(index))))
          assert.equal(await live(tree, one), best)
          assert.equal(await live(tree, other), best)
        }
      ),
      runs(60)
    )
  })
})
