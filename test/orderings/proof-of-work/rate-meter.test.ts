import assert from 'node:assert/strict'
import { RateMeter } from '#src/orderings/proof-of-work/rate-meter.js'

describe('a rate meter', () => {
  function meterAt(window: number): {
    readonly meter: RateMeter
    readonly at: (ms: number, count: number) => number
  } {
    let now = 0
    const meter = new RateMeter(window, () => now)
    const at = (ms: number, count: number): number => {
      now = ms
      meter.observe(count)
      return meter.perSecond(count)
    }
    return { meter, at }
  }

  it('knows nothing at first', () => {
    const { meter, at } = meterAt(10_000)
    assert.equal(meter.perSecond(5), 0)
    assert.equal(at(0, 5), 0, 'nor from one look')
  })

  it('tells how fast a count has grown since the first look', () => {
    const { at } = meterAt(10_000)
    at(0, 0)
    assert.deepEqual([at(1_000, 500), at(2_000, 2_000), at(4_000, 2_000)], [500, 1_000, 500])
  })

  it('forgets what is longer ago than its window', () => {
    const { at } = meterAt(10_000)
    at(0, 0)
    at(10_000, 1_000_000)
    assert.equal(at(20_000, 1_000_000), 0)
    assert.equal(at(25_000, 1_015_000), 1_000, 'from the look that the window begins at')
  })

  it('is told as often as one likes, and keeps few looks', () => {
    const { meter, at } = meterAt(10_000)
    for (let ms = 0; ms <= 100_000; ms += 1) at(ms, ms * 3)
    assert.equal(Math.round(meter.perSecond(300_000)), 3_000)
  })
})
