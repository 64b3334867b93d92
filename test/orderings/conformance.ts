import assert from 'node:assert/strict'
import { type Block, type Header, idOf, type SignedHeader } from '#src/core/block.js'
import type { Fault, FaultKind } from '#src/core/fault.js'
import { NO_STAKES, type StakeView } from '#src/core/stakes.js'
import type { Ancestors, Ordering } from '#src/orderings/ordering.js'

/** A header that the ordering must not take as the child of another one. */
interface WrongHeader {
  readonly what: string
  readonly fault: FaultKind
  readonly header: Header
}

/** What a suite needs to know of one ordering to try it. */
export interface OrderingCase {
  readonly ordering: Ordering
  readonly stakes?: StakeView
  /** Of `child`: a block of the chain, or the genesis, and those before it. */
  readonly ancestors: Ancestors
  /** What has been proved on the first of `ancestors`. */
  readonly child: Header
  /** The draft that `child` was before it was prepared. */
  readonly draft: Header
  /** Does what takes long. */
  readonly prove: (prepared: Header) => Promise<Header>
  /** Two heads of one weight. */
  readonly rivals: readonly [SignedHeader, SignedHeader]
  /** ms since 1970, when `child` is verified. */
  readonly now: number
  /** How many pending messages make a block at once, and a number that does not, where there is one. */
  readonly enough: number
  readonly tooFew: number | undefined
  readonly wrong: readonly WrongHeader[]
}

/** What every ordering must do, whoever it lets extend the chain. */
export function describeOrdering(name: string, make: () => Promise<OrderingCase>): void {
  describe(`the ordering "${name}"`, () => {
    let given: OrderingCase
    before(async () => {
      given = await make()
    })

    /** As a reader of a header and then a follower of the chain judge it. */
    const judge = (
      ordering: Ordering,
      header: Header,
      ancestors: Ancestors,
      now: number
    ): Fault | undefined =>
      ordering.screen(header, idOf(header)) ??
      ordering.verify(header, ancestors, () => given.stakes ?? NO_STAKES, now)

    it('takes a header that it has proved', () => {
      const { ordering, child, ancestors, now } = given
      assert.equal(judge(ordering, child, ancestors, now), undefined)
    })

    it('judges a header the same however often it is asked', () => {
      const { ordering, child, ancestors, now, wrong } = given
      for (const header of [child, ...wrong.map(({ header }) => header)])
        assert.deepEqual(judge(ordering, header, ancestors, now), judge(ordering, header, ancestors, now))
    })

    it('goes on taking what it has taken once', () => {
      const { ordering, child, ancestors, now } = given
      for (const later of [1, 1_000, 86_400_000, 2 ** 48])
        assert.equal(judge(ordering, child, ancestors, now + later), undefined)
    })

    it('names what is wrong with each header that it does not take, and its height', () => {
      const { ordering, ancestors, now, wrong } = given
      assert.ok(wrong.length > 0)
      for (const { what, fault, header } of wrong) {
        const found = judge(ordering, header, ancestors, now)
        assert.ok(found, `a header ${what} was taken`)
        assert.deepEqual([found.kind, found.height], [fault, header.height], what)
        assert.notEqual(found.detail, '')
      }
    })

    it('finds no more in headers alone than in all, and all of it unless it says that it needs the state', () => {
      const { ordering, child, ancestors, now, stakes = NO_STAKES, wrong } = given
      for (const header of [child, ...wrong.map(({ header }) => header)]) {
        if (ordering.screen(header, idOf(header)) !== undefined) continue
        const alone = ordering.checkHeader(header, ancestors, now)
        const whole = ordering.verify(header, ancestors, () => stakes, now)
        if (alone !== 'needs state') assert.deepEqual(alone, whole)
      }
    })

    it('gives every block a weight over nothing', () => {
      assert.ok(given.ordering.weight(given.child) > 0n)
    })

    it('has a block due once there are enough messages, and none that is larger than what is pending', () => {
      const { ordering, ancestors, now, enough, tooFew } = given
      const [parent] = ancestors
      if (tooFew !== undefined) assert.equal(ordering.due(parent, tooFew, now, now), undefined)
      for (const pending of [enough, enough + 1, 10 * enough + 10]) {
        const count = ordering.due(parent, pending, now, now)
        assert.ok(count !== undefined && count >= Math.min(1, pending), `${count} of ${pending}`)
        assert.ok(count <= pending, `${count} of ${pending}`)
      }
    })

    it('prepares a draft for its proof, and takes what was proved', async () => {
      const { ordering, draft, prove, ancestors, now } = given
      const prepared = ordering.prepare(draft, ancestors)
      assert.deepEqual({ ...prepared, proof: draft.proof, time: draft.time }, draft, 'all else is as it was')
      const proved = await prove(prepared)
      assert.deepEqual({ ...proved, proof: prepared.proof }, prepared, 'all else is as it was')
      assert.equal(judge(ordering, proved, ancestors, now), undefined)
    })

    it('prefers of two heads the same one, whichever came first', () => {
      const { ordering, rivals } = given
      const [one, other] = rivals
      assert.equal(Math.sign(ordering.compare(one, other)), -Math.sign(ordering.compare(other, one)) + 0)
      assert.equal(Math.abs(ordering.compare(one, one)), 0)
      if (ordering.maxReorg > 0) assert.notEqual(ordering.compare(one, other), 0)
    })

    it('looks back at its parent at least, and begins at a time', () => {
      const { ordering } = given
      assert.ok(Number.isSafeInteger(ordering.lookback) && ordering.lookback >= 1)
      assert.ok(Number.isSafeInteger(ordering.genesisTime) && ordering.genesisTime >= 0)
    })

    it('has a maxPendingAge exactly where time alone can make a block due', () => {
      const { ordering, ancestors, tooFew, now } = given
      const [parent] = ancestors
      const { maxPendingAge } = ordering
      if (tooFew === undefined) return assert.equal(maxPendingAge, undefined)
      const due = (age: number): number | undefined => ordering.due(parent, tooFew, now - age, now)
      if (maxPendingAge === undefined) assert.equal(due(Number.MAX_SAFE_INTEGER), undefined)
      else {
        assert.equal(due(maxPendingAge - 1), undefined)
        assert.ok(due(maxPendingAge) !== undefined)
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
