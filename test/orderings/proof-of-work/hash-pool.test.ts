import assert from 'node:assert/strict'
import { toHex } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { HashPool } from '#src/orderings/proof-of-work/hash-pool.js'
import { NONCE_BYTES } from '#src/orderings/proof-of-work/search.js'
import { Cleanup } from '../../helpers/cleanup.js'

const NEVER = 0n
/** One hash in 4,096. */
const SOON = (1n << 244n) - 1n
const HEADER = new Uint8Array(330).fill(7)

describe('a pool of threads that hash', () => {
  const cleanup = new Cleanup(afterEach)
  const endless = new AbortController().signal

  async function poolOf(threads: number, clock = () => performance.now()): Promise<HashPool> {
    let made = 0
    const randomBytes = (length: number): Uint8Array => {
      made += 1
      return new Uint8Array(length).fill(made)
    }
    const pool = new HashPool({ threads, randomBytes, clock })
    await pool.start()
    cleanup.add(() => pool.stop())
    return pool
  }

  function hashWith(nonce: Uint8Array): bigint {
    const header = Uint8Array.from(HEADER)
    header.set(nonce, header.length - NONCE_BYTES)
    return BigInt(`0x${toHex(sha256(header))}`)
  }

  function workers(): number {
    return process.getActiveResourcesInfo().filter(name => name === 'MessagePort').length
  }

  for (const threads of [1, 3])
    it(`finds a nonce whose hash is not over the target, with ${threads} threads`, async () => {
      const pool = await poolOf(threads)
      for (let search = 0; search < 20; search += 1) {
        const nonce = await pool.find(HEADER, SOON, endless)
        assert.ok(nonce)
        assert.ok(hashWith(nonce) <= SOON)
      }
    })

  it('gives each thread its own half of the nonce, and never the same nonce twice', async () => {
    const pool = await poolOf(3)
    const found = new Set<string>()
    const halves = new Set<string>()
    for (let search = 0; search < 200; search += 1) {
      const nonce = await pool.find(HEADER, SOON, endless)
      assert.ok(nonce)
      found.add(toHex(nonce))
      halves.add(toHex(nonce.slice(0, 8)))
    }
    assert.equal(found.size, 200, 'though it was the same header each time')
    const own = [1, 2, 3].map(thread => toHex(new Uint8Array(8).fill(thread)))
    assert.deepEqual(
      [...halves].filter(half => !own.includes(half)),
      []
    )
  })

  it('ends a search as soon as it is told to, and is free for the next one', async () => {
    const pool = await poolOf(2)
    for (let search = 0; search < 50; search += 1) {
      const cancel = new AbortController()
      const hopeless = pool.find(HEADER, NEVER, cancel.signal)
      cancel.abort()
      assert.equal(await hopeless, undefined)
    }
    assert.ok(await pool.find(HEADER, SOON, endless))
    assert.equal(await pool.find(HEADER, SOON, AbortSignal.abort()), undefined)
  })

  it('hashes no more once a search has ended', async () => {
    const pool = await poolOf(2)
    const cancel = new AbortController()
    const hopeless = pool.find(HEADER, NEVER, cancel.signal)
    while (pool.hashes === 0) await later()
    cancel.abort()
    await hopeless
    for (let last = -1; last !== pool.hashes; await later()) last = pool.hashes
  })

  it('lets a new search take the place of one that is on', async () => {
    const pool = await poolOf(2)
    const first = pool.find(HEADER, NEVER, endless)
    const second = pool.find(HEADER, SOON, endless)
    assert.equal(await first, undefined)
    assert.ok(await second)
  })

  it('tells how many hashes it has made, and how fast by the clock that it is given', async () => {
    let now = 0
    const pool = await poolOf(2, () => now)
    assert.deepEqual([pool.hashes, pool.hashesPerSecond()], [0, 0])
    const nonce = await pool.find(HEADER, SOON, endless)
    const counted = Number(BigInt(`0x${toHex(nonce ?? new Uint8Array(1))}`) & 0xffffffffn)
    assert.ok(pool.hashes > counted, 'as many at least as the thread that has found it')
    for (let last = -1; last !== pool.hashes; await later()) last = pool.hashes
    now = 4_000
    assert.equal(pool.hashesPerSecond(), pool.hashes / 4)
  })

  it('ends what is on when it stops, and leaves nothing behind', async () => {
    const before = workers()
    const pool = await poolOf(3)
    assert.ok(workers() > before)
    const hopeless = pool.find(HEADER, NEVER, endless)
    await pool.stop()
    assert.equal(await hopeless, undefined)
    await later()
    assert.equal(workers(), before)
    await assert.rejects(pool.find(HEADER, SOON, endless), /the hash pool does not run/)
    await pool.stop()
  })

  it('starts no thread anew, however many searches there are', async () => {
    const before = workers()
    const pool = await poolOf(2)
    const running = workers()
    for (let search = 0; search < 30; search += 1) await pool.find(HEADER, SOON, endless)
    assert.equal(workers(), running)
    assert.ok(running > before)
  })

  it('takes no listener along on a signal that lasts', async () => {
    const pool = await poolOf(1)
    const lasting = new AbortController()
    for (let search = 0; search < 30; search += 1) await pool.find(HEADER, SOON, lasting.signal)
    const hopeless = pool.find(HEADER, NEVER, lasting.signal)
    lasting.abort()
    assert.equal(await hopeless, undefined)
  })

  it('fails, once and for all, when a thread does', async () => {
    const pool = await poolOf(1)
    const noHeader = new Uint8Array(NONCE_BYTES - 1)
    await assert.rejects(pool.find(noHeader, SOON, endless), RangeError)
    await assert.rejects(pool.find(HEADER, SOON, endless), RangeError)
  })
})

function later(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 50))
}
