import assert from 'node:assert/strict'
import { type Bringer, Shares, type Taken } from '#src/core/shares.js'

describe('shares of what there is only so much of', () => {
  const from = (peer: string, host: string, site = host): Bringer => ({ peer, host, site })

  it('give a peer its own, and no other name more of that', () => {
    const shares = new Shares({ all: 100, ofPeer: 10 })
    assert.equal(shares.take(from('alice', 'a'), 10), 'taken')
    assert.equal(shares.take(from('alice', 'a'), 1), 'share')
    assert.equal(shares.take(from('alice', 'elsewhere'), 1), 'share')
    assert.equal(shares.take(from('bob', 'a'), 10), 'taken')
    shares.release(from('alice', 'a'), 10)
    assert.equal(shares.take(from('alice', 'a'), 10), 'taken')
    assert.equal(shares.take(from('carol', 'c'), 11), 'share')
  })

  it('leave others as much as one host has, by however many names it comes', () => {
    const shares = new Shares({ all: 64, ofPeer: 8 })
    const taken = (host: string): number => {
      let count = 0
      for (let name = 0; shares.take(from(`${host}${name}`, host), 1) === 'taken'; name += 1) count += 1
      return count
    }
    assert.deepEqual(['a', 'b', 'c', 'd'].map(taken), [32, 16, 8, 4])
    assert.equal(shares.take(from('late', 'honest'), 1), 'taken')
  })

  it('leave other sites a quarter, by however many hosts of one they are taken', () => {
    const shares = new Shares({ all: 64, ofPeer: 8 })
    let taken = 0
    for (let host = 0; host < 1_000; host += 1)
      while (shares.take(from(`${taken}`, `host ${host}`, 'one site'), 1) === 'taken') taken += 1
    assert.equal(taken, 48)
    assert.equal(shares.take(from('late', 'honest'), 1), 'taken')
    shares.release(from('0', 'host 0', 'one site'), 1)
    assert.equal(
      shares.take(from('another', 'host 7', 'one site'), 1),
      'full',
      'the late one has a share now'
    )
  })

  it('never give more than there is, and all of it again once it is given back', () => {
    const shares = new Shares({ all: 20, ofPeer: 6 })
    const held: [Bringer, number][] = []
    const results: Taken[] = []
    for (let index = 0; index < 50; index += 1) {
      const bringer = from(`p${index % 7}`, `h${index % 3}`)
      const weight = 1 + (index % 3)
      const result = shares.take(bringer, weight)
      results.push(result)
      if (result === 'taken') held.push([bringer, weight])
      assert.ok(held.reduce((sum, [, each]) => sum + each, 0) <= 20)
    }
    assert.deepEqual(new Set(results), new Set<Taken>(['taken', 'share', 'full']))
    for (const [bringer, weight] of held) shares.release(bringer, weight)
    assert.equal(shares.take(from('new', 'new'), 6), 'taken')
  })
})
