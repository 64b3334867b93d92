import assert from 'node:assert/strict'
import type { Bringer } from '#src/core/shares.js'
import { FairQueue } from '#src/lifecycle/fair-queue.js'

describe('a fair queue', () => {
  let done: string[]
  let mostAtOnce: number
  let atOnce: number
  let release: () => void
  let held: Promise<void>

  beforeEach(() => {
    done = []
    atOnce = mostAtOnce = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    held = promise
    release = resolve
  })

  /** A peer on a host of its own, or on another one. */
  const from = (peer: string, host = peer): Bringer => ({ peer, host, site: host })

  const work = (name: string) => async (): Promise<string> => {
    atOnce += 1
    mostAtOnce = Math.max(mostAtOnce, atOnce)
    await held
    atOnce -= 1
    done.push(name)
    return name
  }

  it('does one piece at a time: its own first, then those of others in turn', async () => {
    const queue = new FairQueue({ own: 4, others: 8 })
    const all = [
      ...['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map(name => queue.of(from(name.slice(0, 1)), work(name))),
      queue.own(work('own'))
    ]
    release()
    assert.deepEqual(await Promise.all(all), ['a1', 'a2', 'a3', 'b1', 'b2', 'c1', 'own'])
    assert.deepEqual(done, ['a1', 'own', 'a2', 'b1', 'c1', 'a3', 'b2'])
    assert.equal(mostAtOnce, 1)
  })

  it('lets go of the last one of who has brought most, and takes no more of its own than it may', async () => {
    const queue = new FairQueue({ own: 1, others: 3 })
    const others = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map(name =>
      queue.of(from(name.slice(0, 1)), work(name))
    )
    const own = [queue.own(work('first')), queue.own(work('second'))]
    release()
    assert.deepEqual(await Promise.all(others), ['a1', 'a2', undefined, undefined, 'b1', undefined, 'c1'])
    assert.deepEqual(await Promise.all(own), ['first', undefined])
  })

  it('takes hosts in turn, and the peers of each: many names on one host do not keep another host waiting', async () => {
    const queue = new FairQueue({ own: 0, others: 100 })
    const crowd = ['a1', 'b1', 'c1', 'a2', 'b2'].map(name =>
      queue.of(from(name.slice(0, 1), 'crowd'), work(name))
    )
    const other = ['x1', 'x2'].map(name => queue.of(from('x'), work(name)))
    release()
    await Promise.all([...crowd, ...other])
    assert.deepEqual(done, ['a1', 'b1', 'x1', 'c1', 'x2', 'a2', 'b2'])
  })

  it('drops what came last from the host that has brought most, by however many names', async () => {
    const queue = new FairQueue({ own: 0, others: 3 })
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const crowd = names.map(name => queue.of(from(name, 'crowd'), work(name)))
    const other = queue.of(from('x'), work('x'))
    release()
    assert.deepEqual(await Promise.all(crowd), ['a', 'b', 'c', undefined, undefined, undefined])
    assert.equal(await other, 'x')
  })

  it('goes on after a piece that fails, which fails for who brought it', async () => {
    const queue = new FairQueue({ own: 4, others: 4 })
    const failing = queue.own(() => Promise.reject(new Error('no')))
    const next = queue.own(work('next'))
    release()
    await assert.rejects(failing, /no/)
    assert.equal(await next, 'next')
    assert.equal(await queue.own(work('later')), 'later')
  })

  it('ends what is its own before it stops, and lets go of the rest', async () => {
    const queue = new FairQueue({ own: 4, others: 4 })
    const running = queue.of(from('a'), work('running'))
    const waiting = queue.of(from('b'), work('waiting'))
    const own = queue.own(work('own'))
    const stopped = queue.stop()
    assert.equal(await waiting, undefined)
    release()
    await stopped
    assert.deepEqual(done, ['running', 'own'])
    assert.deepEqual(await Promise.all([running, own]), ['running', 'own'])
    assert.equal(await queue.own(work('late')), undefined)
    assert.equal(await queue.of(from('a'), work('late')), undefined)
  })
})
