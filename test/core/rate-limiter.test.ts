import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Rate, RateLimiter } from '#src/core/rate-limiter.js'
import { runs } from '../helpers/core.js'

const RATE: Rate = { perSecond: 10, burst: 3 }

/** What becomes of so many at one time. */
function granted(limiter: RateLimiter, name: string, now: number, count: number): number {
  return Array.from({ length: count }, () => limiter.take(name, now)).filter(Boolean).length
}

const arbitraryRate = fc.record({
  perSecond: fc.integer({ min: 1, max: 5000 }),
  burst: fc.integer({ min: 1, max: 50 })
})

describe('a rate limiter', () => {
  it('grants a burst at once, then one for each part of a second', () => {
    const limiter = new RateLimiter(RATE, 100)
    assert.equal(granted(limiter, 'a', 5000, 10), 3)
    assert.equal(granted(limiter, 'a', 5099, 10), 0)
    assert.equal(granted(limiter, 'a', 5100, 10), 1)
    assert.equal(granted(limiter, 'a', 5300, 10), 2)
  })

  it('grants no more than a burst after any rest', () => {
    const limiter = new RateLimiter(RATE, 100)
    assert.equal(granted(limiter, 'a', 0, 10), 3)
    assert.equal(granted(limiter, 'a', 1e9, 10), 3)
  })

  it('what is refused costs nothing', () => {
    const limiter = new RateLimiter(RATE, 100)
    granted(limiter, 'a', 0, 1000)
    assert.equal(granted(limiter, 'a', 300, 10), 3)
  })

  it('one name does not use up what another has', () => {
    const limiter = new RateLimiter(RATE, 100)
    granted(limiter, 'a', 0, 100)
    assert.equal(granted(limiter, 'b', 0, 10), 3)
  })

  it('never grants more than the burst and the rate allow, whatever the times and the names', () => {
    fc.assert(
      fc.property(
        arbitraryRate,
        fc.array(fc.record({ name: fc.constantFrom('a', 'b'), after: fc.nat({ max: 400 }) }), {
          maxLength: 300
        }),
        (rate, calls) => {
          const limiter = new RateLimiter(rate, 10)
          const grants = { a: [] as number[], b: [] as number[] }
          let now = 0
          for (const { name, after } of calls) {
            now += after
            if (limiter.take(name, now)) grants[name].push(now)
          }
          for (const times of Object.values(grants))
            for (const [first, start] of times.entries())
              for (const [last, end] of times.entries())
                if (last >= first)
                  assert.ok(last - first + 1 <= rate.burst + ((end - start) * rate.perSecond) / 1000 + 0.001)
        }
      ),
      runs(200)
    )
  })

  it('never refuses who keeps to the rate', () => {
    fc.assert(
      fc.property(arbitraryRate, fc.nat({ max: 1e6 }), (rate, start) => {
        const limiter = new RateLimiter(rate, 10)
        for (let index = 0; index < 500; index += 1)
          assert.ok(limiter.take('a', start + (index * 1000) / rate.perSecond))
      }),
      runs(100)
    )
  })

  it('remembers a bounded number of names, and those in use among them', () => {
    const limiter = new RateLimiter({ perSecond: 0.001, burst: 1 }, 50)
    assert.ok(limiter.take('busy', 0))
    for (let index = 0; index < 10_000; index += 1) {
      limiter.take(`stranger ${index}`, index)
      assert.equal(limiter.take('busy', index), false, 'it is not forgotten while it goes on')
      assert.ok(limiter.size <= 100)
    }
  })
})
