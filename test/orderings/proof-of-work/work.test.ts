import assert from 'node:assert/strict'
import { verifyHeader } from '#src/chain/cursor.js'
import { genesisOf, type Header, idOf, signHeader } from '#src/core/block.js'
import { toHex } from '#src/core/bytes.js'
import type { Fault, FaultKind } from '#src/core/fault.js'
import { EMPTY_ROOT } from '#src/core/merkle.js'
import { expectChain } from '#src/core/network.js'
import { NO_STAKES } from '#src/core/stakes.js'
import type { Ancestors } from '#src/orderings/ordering.js'
import { compactFromText, decodeCompact, encodeCompact } from '#src/orderings/proof-of-work/compact-target.js'
import { NONCE_BYTES } from '#src/orderings/proof-of-work/search.js'
import type { WorkSection } from '#src/orderings/proof-of-work/section.js'
import { WorkOrdering } from '#src/orderings/proof-of-work/work.js'
import { decodeProof, encodeProof } from '#src/orderings/proof-of-work/work-proof.js'
import { networkOf } from '#src/rules/network-document.js'
import { rulesOf } from '#src/rules/rules.js'
import { EPOCH } from '../../helpers/blocks.js'
import { flipped, seedOf, signerNamed } from '../../helpers/core.js'
import { childOf, EASY, lookedAt, mined, minedAt } from '../../helpers/work.js'
import { describeOrdering, type OrderingCase } from '../conformance.js'

const { interval, halfLife } = EASY
const AHEAD = 10 * interval
const MALLORY = await signerNamed('mallory')
const genesis = genesisOf(seedOf('network'), EMPTY_ROOT, EASY.start).header

/** EPOCH + n intervals, for so many n: a chain that is on its schedule. */
function onSchedule(blocks: number): readonly number[] {
  return Array.from({ length: blocks }, (_, index) => EPOCH + (index + 1) * interval)
}

function make(changes: Partial<WorkSection> = {}): WorkOrdering {
  return new WorkOrdering({ ...EASY, ...changes })
}

/** As a reader of a header and then a follower of the chain judge it, at a time when it is not early. */
function judge(
  ordering: WorkOrdering,
  header: Header,
  ancestors: Ancestors,
  now = header.time
): Fault | undefined {
  return (
    ordering.screen(header, idOf(header)) ??
    ordering.verify(header, lookedAt(ordering, ancestors), () => NO_STAKES, now)
  )
}

function kindOf(fault: Fault | undefined): FaultKind | undefined {
  return fault?.kind
}

/** With work done for another target than the one that is due. */
function minedFor(header: Header, target: number): Header {
  return mined({ ...header, proof: encodeProof({ target, nonce: new Uint8Array(NONCE_BYTES) }) })
}

async function workCase(changes: Partial<WorkSection>): Promise<OrderingCase> {
  const ordering = make(changes)
  const signer = await signerNamed('miner')
  const times = onSchedule(12)
  const ancestors = lookedAt(ordering, minedAt(ordering, genesis, times))
  const [parent] = ancestors
  const now = parent.time + interval
  const draft = { ...childOf(parent, now), count: 1, size: 1 }
  const child = mined(ordering.prepare(draft, ancestors))
  const { target, nonce } = decodeProof(child.proof)
  const reworked = (header: Partial<Header>): Header => minedFor({ ...child, ...header }, target)
  const rival = reworked({ time: now + 1 })
  return {
    ordering,
    ancestors,
    child,
    draft,
    prove: async prepared => mined(prepared),
    rivals: [signHeader(child, signer, ordering), signHeader(rival, signer, ordering)],
    now,
    enough: changes.emptyBlocks === false ? 1 : 0,
    tooFew: changes.emptyBlocks === false ? 0 : undefined,
    wrong: [
      { what: 'without a proof', fault: 'proof', header: { ...child, proof: new Uint8Array(0) } },
      {
        what: 'whose proof is no encoding',
        fault: 'proof',
        header: { ...child, proof: flipped(child.proof, 0) }
      },
      {
        what: 'with a nonce that is too short',
        fault: 'proof',
        header: { ...child, proof: encodeProof({ target, nonce: nonce.slice(1) }) }
      },
      {
        what: 'with a target that is in no canonical form',
        fault: 'proof',
        header: { ...child, proof: encodeProof({ target: 0x1fffff00, nonce }) }
      },
      {
        what: 'with an easier target than may be',
        fault: 'proof',
        header: minedFor(child, compactFromText('2100ffff'))
      },
      { what: 'with an easier target than is due', fault: 'proof', header: minedFor(child, target + 1) },
      { what: 'with a harder target than is due', fault: 'proof', header: minedFor(child, target - 1) },
      { what: 'without the work', fault: 'proof', header: unworked(child) },
      { what: 'with too many messages', fault: 'count', header: reworked({ count: EASY.blockSize + 1 }) },
      {
        what: 'that is no later than the middle one of eleven',
        fault: 'time',
        header: reworked({ time: parent.time - 5 * interval })
      },
      { what: 'from the future', fault: 'future', header: reworked({ time: now + AHEAD + 1 }) },
      ...(changes.emptyBlocks === false
        ? [{ what: 'without a message', fault: 'count', header: reworked({ count: 0, size: 0 }) } as const]
        : [])
    ]
  }
}

/** With the first nonce that proves nothing. */
function unworked(header: Header): Header {
  const { target, number } = decodeProof(header.proof)
  for (let last = 0; ; last += 1) {
    const nonce = new Uint8Array(NONCE_BYTES).with(-1, last)
    const other = { ...header, proof: encodeProof({ target, nonce }) }
    if (BigInt(`0x${toHex(idOf(other))}`) > number) return other
  }
}

describeOrdering('work', () => workCase({}))
describeOrdering('work without empty blocks', () => workCase({ emptyBlocks: false }))

describe('The work ordering: targets', () => {
  it('the first block has the one of the document; it stays while blocks come on schedule', () => {
    const ordering = make()
    for (const header of minedAt(ordering, genesis, onSchedule(20)).slice(0, -1))
      assert.equal(decodeProof(header.proof).target, compactFromText(EASY.target))
  })

  it('doubles with each half-life that the parent is late, down to the easiest, and halves when it is early', () => {
    const ordering = make({ target: '1f00ffff', easiest: '1f03fffc' })
    const ratioAfter = (time: number, height: number): number => {
      const parent = { ...genesis, height, time }
      const { number } = decodeProof(ordering.prepare(childOf(parent, time), [parent]).proof)
      return Number((number * 1000n) / (decodeCompact(0x1f00ffff) ?? 1n)) / 1000
    }
    const scheduled = EPOCH + 1_000 * interval
    assert.deepEqual(
      [-halfLife, 0, halfLife, 2 * halfLife, 20 * halfLife].map(late => ratioAfter(scheduled + late, 1_000)),
      [0.5, 1, 2, 4, 4]
    )
  })

  it('after a pause blocks come at the easiest target until they have caught up with the schedule', () => {
    const ordering = make({ easiest: '2003fffc' })
    const pause = EPOCH + 30 * interval + 10 * halfLife
    const times = [...onSchedule(30), ...Array.from({ length: 260 }, (_, index) => pause + index)]
    const targets = minedAt(ordering, genesis, times)
      .slice(0, -1)
      .reverse()
      .map(({ proof }) => decodeProof(proof).target)
    const usual = compactFromText(EASY.target)
    assert.ok(
      targets.slice(0, 31).every(target => target === usual),
      'the target follows the parent'
    )
    assert.ok(
      targets.slice(31, 190).every(target => target === 0x2003fffc),
      'no easier, however long it was'
    )
    assert.ok(targets.slice(200).every((target, index, all) => target <= (all[index - 1] ?? target)))
    assert.ok((targets.at(-1) ?? 0) < usual, 'harder than ever once they are ahead of it')
  })

  it('weigh what they cost: a shorter chain of harder blocks beats a longer one of easy ones', () => {
    const ordering = make()
    const weight = (target: string): bigint =>
      ordering.weight(minedFor(childOf(genesis, EPOCH + 1), compactFromText(target)))
    assert.deepEqual([weight('207fffff'), weight('2000ffff')], [2n, 256n])
    assert.ok(weight('2000ffff') > 100n * weight('207fffff'))
  })

  it('of two heads of one weight the one with the lower id is ahead', async () => {
    const ordering = make()
    const signer = await signerNamed('miner')
    const heads = onSchedule(8)
      .map(time => signHeader(mined(ordering.prepare(childOf(genesis, time), [genesis])), signer, ordering))
      .sort((one, other) => ordering.compare(one, other))
      .map(({ id }) => toHex(id))
    assert.deepEqual(heads, heads.toSorted())
  })
})

describe('The work ordering: times', () => {
  const ordering = make()
  const ancestors = minedAt(ordering, genesis, onSchedule(15))
  const [parent] = ancestors
  const at = (time: number): Header =>
    mined({ ...ordering.prepare(childOf(parent, time), lookedAt(ordering, ancestors)), time })

  it('a block is later than the middle one of the eleven before it, and may be earlier than its parent', () => {
    const middle = parent.time - 5 * interval
    assert.deepEqual(
      [middle - 1, middle, middle + 1, parent.time - 1].map(time =>
        kindOf(judge(ordering, at(time), ancestors))
      ),
      ['time', 'time', undefined, undefined]
    )
  })

  it('the genesis counts among fewer than eleven; of an even number the later one of two is the middle', () => {
    const [second, first] = minedAt(ordering, genesis, [EPOCH + 10, EPOCH + 14])
    assert.ok(first && second)
    const faultAt = (chain: Ancestors, time: number): FaultKind | undefined => {
      const header = mined({ ...ordering.prepare(childOf(chain[0], time), chain), time })
      return kindOf(judge(ordering, header, chain))
    }
    assert.deepEqual([faultAt([genesis], EPOCH), faultAt([genesis], EPOCH + 1)], ['time', undefined])
    const two: Ancestors = [first, genesis]
    assert.deepEqual([faultAt(two, EPOCH + 10), faultAt(two, EPOCH + 11)], ['time', undefined])
    const three: Ancestors = [second, first, genesis]
    assert.deepEqual([faultAt(three, EPOCH + 10), faultAt(three, EPOCH + 11)], ['time', undefined])
  })

  it('a block is ten intervals ahead of the clock at most; until it is not, its fault is "future"', () => {
    const header = at(parent.time + interval)
    const limit = header.time - AHEAD
    assert.deepEqual(
      [limit - 86_400_000, limit - 1, limit, header.time, header.time + 2 ** 48].map(now =>
        kindOf(judge(ordering, header, ancestors, now))
      ),
      ['future', 'future', undefined, undefined, undefined]
    )
  })

  it('a header from the future that is wrong in another way as well is wrong for ever', () => {
    const header = at(parent.time + 20 * interval)
    const forged = minedFor(header, decodeProof(header.proof).target - 1)
    assert.equal(kindOf(judge(ordering, forged, ancestors, parent.time)), 'proof')
    assert.equal(kindOf(judge(ordering, header, ancestors, parent.time)), 'future')
  })

  it('a draft from a clock that is late is given the earliest time that others take', () => {
    const prepared = ordering.prepare(childOf(parent, EPOCH), lookedAt(ordering, ancestors))
    assert.equal(prepared.time, parent.time - 5 * interval + 1)
    assert.equal(judge(ordering, mined(prepared), ancestors), undefined)
  })
})

describe('The work ordering: attacks', () => {
  const ordering = make()

  it('work covers the whole header: no byte of it can be changed afterwards', () => {
    const hard = make({ target: '1f00ffff', easiest: '1f00ffff' })
    const messages = { count: 3, size: 3, root: seedOf('root'), log: seedOf('log'), state: seedOf('state') }
    const child = { ...childOf(genesis, EPOCH + interval), ...messages }
    const header = mined(hard.prepare(child, [genesis]))
    assert.equal(judge(hard, header, [genesis]), undefined)
    const { target, nonce } = decodeProof(header.proof)
    const changes: Required<{ readonly [Field in keyof Header]: Header[Field] }> = {
      network: seedOf('other network'),
      height: header.height + 1,
      parent: seedOf('other parent'),
      time: header.time + 1,
      count: header.count - 1,
      root: seedOf('other root'),
      size: header.size + 1,
      log: seedOf('other log'),
      state: seedOf('other state'),
      producer: MALLORY.peerId,
      proof: encodeProof({ target, nonce: flipped(nonce, 0) })
    }
    for (const [field, value] of Object.entries(changes)) {
      const changed: Header = { ...header, [field]: value }
      assert.equal(kindOf(hard.screen(changed, idOf(changed))), 'proof', field)
    }
  })

  it('a miner who dates blocks as late as others take them gains less than twice an honest target, and that once', () => {
    const late = onSchedule(60).map((time, index) => (index < 20 ? time : time + AHEAD))
    const usual = decodeCompact(compactFromText(EASY.target)) ?? 0n
    for (const { proof } of minedAt(ordering, genesis, late).slice(0, -1))
      assert.ok(Number(decodeProof(proof).number) <= Number(usual) * 2 ** (AHEAD / halfLife) * 1.001)
  })

  it('a miner who holds times back and then jumps (time-warp) makes blocks harder for himself, never cheaper', () => {
    // Each time the least that the median rule takes, but for one in eleven, which is honest: the classic pattern.
    const times: number[] = []
    for (let index = 0; index < 80; index += 1) {
      const last = [EPOCH, ...times].slice(-11).sort((a, b) => a - b)
      const least = (last[Math.floor(last.length / 2)] ?? EPOCH) + 1
      times.push(index % 11 === 10 ? Math.max(least, EPOCH + (index + 1) * interval) : least)
    }
    const honest = minedAt(ordering, genesis, onSchedule(80))
    const warped = minedAt(ordering, genesis, times)
    for (const [index, { proof, height }] of warped.slice(0, -1).entries()) {
      const other = honest[index]
      assert.ok(other)
      assert.ok(decodeProof(proof).number <= decodeProof(other.proof).number, `block ${height}`)
    }
  })

  it('cheap blocks on a target that is not due are seen without their messages, at the header', () => {
    const cheap = minedFor(childOf(genesis, EPOCH + interval), compactFromText(EASY.easiest))
    assert.equal(ordering.screen(cheap, idOf(cheap)), undefined, 'the work is there')
    assert.match(
      judge(ordering, cheap, [genesis])?.detail ?? '',
      /^its target is 207fffff; .* must be 2000ffff$/
    )
  })

  it('work that was done on a foreign genesis is worth nothing here, and cannot be brought here', () => {
    const document = (name: string) => ({
      tallystick: 1,
      name,
      ordering: EASY,
      application: { type: 'messages', schema: {} },
      limits: { messageBytes: 4096 }
    })
    const here = rulesOf(expectChain(networkOf(document('here'))))
    const there = rulesOf(expectChain(networkOf(document('there'))))
    const genesisHere = genesisOf(here.network.id, EMPTY_ROOT, EASY.start)
    const genesisThere = genesisOf(there.network.id, EMPTY_ROOT, EASY.start)
    const place = { signed: genesisHere, ancestors: [genesisHere.header] } as const
    const faultOf = (header: Header): FaultKind | undefined => {
      const signed = { ...genesisHere, header, id: idOf(header) }
      return kindOf(verifyHeader(place, signed, here, () => NO_STAKES, header.time))
    }
    const prepared = ordering.prepare(childOf(genesisThere.header, EPOCH + 1), [genesisThere.header])
    assert.equal(faultOf(mined(prepared)), 'network')
    assert.equal(faultOf({ ...mined(prepared), network: here.network.id }), 'parent')
    assert.equal(faultOf(mined({ ...prepared, network: here.network.id })), 'parent')
    const moved = { ...mined(prepared), network: here.network.id, parent: genesisHere.id }
    assert.equal(faultOf(moved), 'proof')
    assert.equal(faultOf(mined({ ...prepared, network: here.network.id, parent: genesisHere.id })), undefined)
  })
})

describe('The work ordering: documents that make no sense are refused with a sentence', () => {
  const refused = (changes: Partial<WorkSection>, message: RegExp): void =>
    assert.throws(() => make(changes), { name: 'InvalidNetworkDocument', message })

  it('targets in no canonical form', () => {
    for (const text of ['00000000', '1dffff00', '01120001', '04923456', 'ff123456']) {
      refused({ target: text }, new RegExp(`^ordering.target "${text}" is not the compact form of a target`))
      refused(
        { easiest: text },
        new RegExp(`^ordering.easiest "${text}" is not the compact form of a target`)
      )
    }
  })

  it('a first target that is easier than the easiest', () => {
    refused({ target: '2000ffff', easiest: '2000fffe' }, /^ordering.target 2000ffff is easier than/)
    assert.ok(make({ target: '2000ffff', easiest: '2000ffff' }))
  })

  it('a half-life shorter than the interval', () => {
    refused({ interval: 1000, halfLife: 999 }, /^ordering.halfLife is shorter than ordering.interval/)
    assert.ok(make({ interval: 1000, halfLife: 1000 }))
  })
})

describe('The work ordering: what is due', () => {
  const due = (ordering: WorkOrdering, pending: number): number | undefined => ordering.due(genesis, pending)

  it('always a block, of what is pending, up to a full one', () => {
    assert.deepEqual(
      [0, 1, 9, 10, 11, 10_000].map(pending => due(make(), pending)),
      [0, 1, 9, 10, 10, 10]
    )
  })

  it('without empty blocks none while nothing is pending', () => {
    assert.deepEqual(
      [0, 1, 11].map(pending => due(make({ emptyBlocks: false }), pending)),
      [undefined, 1, 10]
    )
  })

  it('reorganizes as deep as the document says, leaves bodies open, and has no checkpoints', () => {
    const { maxReorg, bodies, hasCheckpoints, genesisTime, lookback } = make({ maxReorg: 7 })
    assert.deepEqual([maxReorg, bodies, hasCheckpoints, genesisTime, lookback], [7, 'open', false, EPOCH, 11])
    assert.equal(encodeCompact(decodeCompact(compactFromText(EASY.target)) ?? 0n), 0x2000ffff)
  })
})
