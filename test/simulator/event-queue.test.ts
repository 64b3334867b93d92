import assert from 'node:assert/strict'
import fc from 'fast-check'
import { runs } from '../helpers/core.js'
import { EventQueue } from './event-queue.js'
import { VirtualTime } from './virtual-time.js'

describe('the events of a simulation', () => {
  it('come in the order of their times, and at one time in the order in which they were added', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), times => {
        const queue = new EventQueue()
        const seen: (readonly [number, number])[] = []
        for (const [index, at] of times.entries())
          queue.add(at, () => {
            seen.push([at, index])
          })
        for (let event = queue.take(); event !== undefined; event = queue.take()) event.action()
        const expected = times.map((at, index) => [at, index] as const).sort(([a], [b]) => a - b)
        assert.deepEqual(seen, expected)
        assert.equal(queue.next, undefined)
      }),
      runs(200)
    )
  })

  it('happen one after the other, those too that others bring, up to the end of a run', async () => {
    const time = new VirtualTime()
    const seen: string[] = []
    time.at(10, async () => {
      seen.push(`first at ${time.now}`)
      await Promise.resolve()
      time.after(5, () => void seen.push(`third at ${time.now}`))
      time.at(3, () => void seen.push(`late at ${time.now}`))
    })
    time.at(10, () => void seen.push(`second at ${time.now}`))
    time.at(31, () => void seen.push('never'))
    await time.run(30)
    assert.deepEqual(seen, ['first at 10', 'second at 10', 'late at 10', 'third at 15'])
    assert.equal(time.now, 30)
  })
})
