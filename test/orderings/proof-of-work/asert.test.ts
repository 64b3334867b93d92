import assert from 'node:assert/strict'
import fc from 'fast-check'
import { asert, type Schedule } from '#src/orderings/proof-of-work/asert.js'
import { decodeCompact, encodeCompact } from '#src/orderings/proof-of-work/compact-target.js'
import { repositoryFile, runs } from '../../helpers/core.js'

interface Published {
  readonly params: Readonly<
    Record<
      string,
      { readonly powLimit: string; readonly targetSecsPerBlock: string; readonly halfLifeSecs: string }
    >
  >
  readonly scenarios: readonly {
    readonly description: string
    readonly params: string
    readonly startDiffBits: string
    readonly startHeight: string
    readonly startTime: string
    readonly tests: readonly {
      readonly height: string
      readonly timestamp: string
      readonly expectedDiffBits: string
    }[]
  }[]
}

/** With every number as a text: some need all 64 bits. */
function published(): Published {
  const text = repositoryFile('test/vectors/pow/asert.json').replace(/"(\w+)": (-?\d+)/g, '"$1": "$2"')
  const parsed: Published = JSON.parse(text)
  return parsed
}

describe('ASERT: the published vectors', () => {
  const { params, scenarios } = published()

  for (const scenario of scenarios)
    it(scenario.description, () => {
      const network = params[scenario.params]
      const target = decodeCompact(Number(scenario.startDiffBits))
      assert.ok(network && target !== undefined)
      const schedule: Schedule = {
        target,
        easiest: BigInt(`0x${network.powLimit}`),
        interval: BigInt(network.targetSecsPerBlock),
        halfLife: BigInt(network.halfLifeSecs)
      }
      for (const { height, timestamp, expectedDiffBits } of scenario.tests) {
        const blocks = BigInt(height) - BigInt(scenario.startHeight)
        const elapsed = BigInt(timestamp) - BigInt(scenario.startTime)
        const found = encodeCompact(asert(schedule, blocks, elapsed))
        assert.equal(found, Number(expectedDiffBits), `height ${height}`)
      }
    })

  it('are 1,424 in 17 scenarios', () => {
    const tests = scenarios.reduce((sum, scenario) => sum + scenario.tests.length, 0)
    assert.deepEqual([scenarios.length, tests], [17, 1_424])
  })
})

describe('ASERT', () => {
  const schedule: Schedule = {
    target: 1n << 230n,
    easiest: 1n << 240n,
    interval: 10_000n,
    halfLife: 300_000n
  }
  const blocks = fc.bigInt({ min: 0n, max: 10_000_000n })
  const elapsed = fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n })
  /** Near enough to the schedule that the target is at no end of its range. */
  const places = fc
    .tuple(blocks, fc.bigInt({ min: -2_500_000n, max: 2_500_000n }))
    .map(([count, late]): readonly [bigint, bigint] => [count, count * schedule.interval + late])

  it('leaves the target as it is while the chain is on its schedule', () => {
    for (const count of [0n, 1n, 2n, 1_000n, 10n ** 15n])
      assert.equal(asert(schedule, count, count * schedule.interval), schedule.target)
  })

  it('doubles it for each half-life behind, and halves it for each one ahead', () => {
    for (const lives of [-9n, -2n, -1n, 1n, 2n, 9n]) {
      const found = asert(schedule, 7n, 7n * schedule.interval + lives * schedule.halfLife)
      assert.equal(found, lives > 0n ? schedule.target << lives : schedule.target >> -lives)
    }
  })

  it('never makes it harder for a block that came later, nor easier for one more block', () => {
    fc.assert(
      fc.property(blocks, elapsed, elapsed, (count, one, other) => {
        const [early, late] = one < other ? [one, other] : [other, one]
        assert.ok(asert(schedule, count, early) <= asert(schedule, count, late))
        assert.ok(asert(schedule, count + 1n, one) <= asert(schedule, count, one))
      }),
      runs(1000)
    )
  })

  it('nor at any of the 65,536 steps of a half-life, nor from one half-life to the next', () => {
    const fine = { ...schedule, halfLife: 65_536n }
    let last = 0n
    for (let late = 0n; late <= 65_536n; late += 1n) {
      const target = asert(fine, 0n, late)
      assert.ok(target >= last, `${late}`)
      last = target
    }
    assert.equal(last, 2n * schedule.target)
  })

  it('is within 0.02 % of the exact power of two', () => {
    fc.assert(
      fc.property(places, ([count, time]) => {
        const late = Number(time - count * schedule.interval) / Number(schedule.halfLife)
        const exact = Math.min(2 ** (230 + late), 2 ** 240)
        assert.ok(Math.abs(Number(asert(schedule, count, time)) / exact - 1) < 0.000_2)
      }),
      runs(1000)
    )
  })

  it('stays within 1 and the easiest target, however far the chain is from its schedule', () => {
    const far = [10n ** 9n, 2n ** 53n, 2n ** 64n, 2n ** 200n]
    for (const tiny of [schedule, { ...schedule, halfLife: 1n }])
      for (const distance of far) {
        assert.equal(asert(tiny, 0n, distance), tiny.easiest)
        assert.equal(asert(tiny, 0n, -distance), 1n)
        assert.equal(asert(tiny, distance, 0n), 1n)
      }
  })
})
