import assert from 'node:assert/strict'
import type { Block, Header } from '#src/core/block.js'
import type { FaultKind } from '#src/core/fault.js'
import { NO_STAKES, type Stakes } from '#src/core/stakes.js'
import type { Ordering } from '#src/orderings/ordering.js'

/** A header that the ordering must not take as the child of another one. */
interface WrongHeader {
  readonly what: string
  readonly fault: FaultKind
  readonly header: Header
}

/** What a suite needs to know of one ordering to try it. */
export interface OrderingCase {
  readonly ordering: Ordering
  readonly stakes?: Stakes
  /** A block of the chain, or the genesis. */
  readonly parent: Header
  /** What the ordering has proved on `parent`. */
  readonly child: Header
  /** The draft that `child` was before it was proved. */
  readonly draft: Header
  /** ms since 1970, when `child` is verified. */
  readonly now: number
  /** How many pending messages make a block at once, and a number that does not. */
  readonly enough: number
  readonly tooFew: number
  readonly wrong: readonly WrongHeader[]
}

/** What every ordering must do, whoever it lets extend the chain. */
export function describeOrdering(name: string, make: () => Promise<OrderingCase>): void {
  describe(`the ordering "${name}"`, () => {
    let given: OrderingCase
    before(async () => {
      given = await make()
    })

    const stakes = (): Stakes => given.stakes ?? NO_STAKES

    it('takes a header that it has proved', () => {
      const { ordering, child, parent, now } = given
      assert.equal(ordering.verify(child, parent, stakes(), now), undefined)
    })

    it('judges a header the same however often it is asked', () => {
      const { ordering, child, parent, now, wrong } = given
      for (const header of [child, ...wrong.map(({ header }) => header)])
        assert.deepEqual(
          ordering.verify(header, parent, stakes(), now),
          ordering.verify(header, parent, stakes(), now)
        )
    })

    it('names what is wrong with each header that it does not take, and its height', () => {
      const { ordering, parent, now, wrong } = given
      assert.ok(wrong.length > 0)
      for (const { what, fault, header } of wrong) {
        const found = ordering.verify(header, parent, stakes(), now)
        assert.ok(found, `a header ${what} was taken`)
        assert.deepEqual([found.kind, found.height], [fault, header.height], what)
        assert.notEqual(found.detail, '')
      }
    })

    it('gives every block a weight over nothing', () => {
      assert.ok(given.ordering.weight(given.child) > 0n)
    })

    it('has a block due once there are enough messages, and none that is larger than what is pending', () => {
      const { ordering, parent, now, enough, tooFew } = given
      assert.equal(ordering.due(parent, 0, 0, now), undefined, 'nothing makes no block')
      assert.equal(ordering.due(parent, tooFew, now, now), undefined)
      for (const pending of [enough, enough + 1, 10 * enough]) {
        const count = ordering.due(parent, pending, now, now)
        assert.ok(count !== undefined && count >= 1 && count <= pending, `${count} of ${pending}`)
      }
    })

    it('proves a draft, and takes what it has proved', async () => {
      const { ordering, draft, parent, now } = given
      const proved = await ordering.prove(draft, parent, stakes(), now, new AbortController().signal)
      assert.ok(proved)
      assert.equal(ordering.verify(proved, parent, stakes(), now), undefined)
      assert.deepEqual({ ...proved, proof: draft.proof, time: draft.time }, draft, 'all else is as it was')
    })

    it('proves nothing once it was told to stop', async () => {
      const { ordering, draft, parent, now } = given
      assert.equal(await ordering.prove(draft, parent, stakes(), now, AbortSignal.abort()), undefined)
    })

    it('has a patience exactly where time alone can make a block due', () => {
      const { ordering, parent, tooFew, now } = given
      const { patience } = ordering
      const due = (age: number): number | undefined => ordering.due(parent, tooFew, now - age, now)
      if (patience === undefined) assert.equal(due(Number.MAX_SAFE_INTEGER), undefined)
      else {
        assert.equal(due(patience - 1), undefined)
        assert.ok(due(patience) !== undefined)
      }
    })

    it('lets bodies be sealed or open, and reorgs be of a whole number of blocks', () => {
      assert.ok(['sealed', 'open'].includes(given.ordering.bodies))
      assert.ok(Number.isSafeInteger(given.ordering.maxReorg) && given.ordering.maxReorg >= 0)
    })
  })
}

/** The header of a block that must be there. */
export function headerOf(block: Block | undefined): Header {
  assert.ok(block)
  return block.signed.header
}
