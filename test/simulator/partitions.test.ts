import assert from 'node:assert/strict'
import { Partitions } from './partitions.js'
import { streamOf } from './random.js'
import { VirtualTime } from './virtual-time.js'

describe('the partitions of a simulation', () => {
  it('split the network for the share of the time that was asked for, and heal', async () => {
    const time = new VirtualTime()
    let healed = 0
    const options = { peers: 20, duration: 100_000, share: 0.3, interval: 1000 }
    const partitions = new Partitions(time, streamOf(1, 'partitions'), options, () => (healed += 1))
    partitions.plan()
    let split = 0
    for (let now = 1; now <= options.duration; now += 1) {
      await time.run(now)
      if (partitions.isSplit) split += 1
    }
    assert.ok(Math.abs(split - 0.3 * options.duration) < 10, `${split} ms`)
    assert.equal(healed, 3)
    assert.equal(partitions.isSplit, false)
  })

  it('have two sides, and nobody is cut off within one of them', async () => {
    const time = new VirtualTime()
    const options = { peers: 20, duration: 1000, share: 0.9, interval: 1000 }
    const partitions = new Partitions(time, streamOf(1, 'partitions'), options, () => undefined)
    const peers = Array.from({ length: options.peers }, (_, peer) => peer)
    const apart = (from: number): number[] => peers.filter(to => partitions.separate(from, to))
    assert.deepEqual(peers.flatMap(apart), [])
    partitions.plan()
    await time.run(500)
    const other = apart(0)
    assert.ok(other.length > 0)
    for (const peer of peers)
      assert.deepEqual(apart(peer), other.includes(peer) ? peers.filter(to => !other.includes(to)) : other)
  })
})
