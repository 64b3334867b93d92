import assert from 'node:assert/strict'
import { type Database, ranges } from '#src/chain/store.js'
import { toHex } from '#src/core/bytes.js'
import { type DatedKey, type DatedKeys, KeyRing } from '#src/validation/key-ring.js'
import { FailingWrites } from '../helpers/failing-writes.js'
import { memoryDatabase } from '../helpers/memory-database.js'
import { encryptionKey } from '../helpers/networks.js'

const GRACE = 100_000

describe('the key ring', () => {
  let database: Database
  /** The wall clock, and one that is monotonic. */
  let now: number
  let clock: number
  let warnings: string[]

  beforeEach(async () => {
    database = await memoryDatabase()
    now = 1_700_000_000_000
    clock = 500
    warnings = []
  })

  function ringOf(...keys: DatedKeys): Promise<KeyRing> {
    return KeyRing.open(keys, {
      database,
      graceMs: GRACE,
      now: () => now,
      clock: () => clock,
      report: event => {
        if (event.event === 'warning') warnings.push(event.message)
      }
    })
  }

  /** Another process, with the folder of the one before. Its monotonic clock begins anew. */
  function restarted(...keys: DatedKeys): Promise<KeyRing> {
    clock = 3
    return ringOf(...keys)
  }

  function passes(ms: number): void {
    now += ms
    clock += ms
  }

  async function key(name: string, made?: number): Promise<DatedKey> {
    return { ...(await encryptionKey(name)), ...(made !== undefined && { made }) }
  }

  async function opens(ring: KeyRing): Promise<string[]> {
    return (await ring.open()).keys.map(({ keyId }) => toHex(keyId))
  }

  function ids(...keys: DatedKey[]): string[] {
    return keys.map(({ keyId }) => toHex(keyId))
  }

  it('announces the first key, and another one as soon as it has one', async () => {
    const [old, young] = [await key('old'), await key('young', now)]
    const ring = await ringOf(old)
    assert.deepEqual(toHex(ring.newest.keyId), toHex(old.keyId))
    await ring.replace([young, old])
    assert.deepEqual(toHex(ring.newest.keyId), toHex(young.keyId))
    assert.deepEqual(await opens(ring), ids(young, old))
  })

  it('an older key opens until the grace after its successor was made is over', async () => {
    const [old, middle, young] = [
      await key('old', 5),
      await key('middle', now - 60_000),
      await key('young', now)
    ]
    const ring = await ringOf(young, middle, old)
    assert.deepEqual(await opens(ring), ids(young, middle, old))
    passes(39_999)
    assert.deepEqual(await opens(ring), ids(young, middle, old))
    passes(1)
    assert.deepEqual(await opens(ring), ids(young, middle))
    passes(60_000)
    assert.deepEqual(await opens(ring), ids(young))
    passes(10 * GRACE)
    assert.deepEqual(await opens(ring), ids(young))
  })

  for (const made of ['a date', 'no date'])
    it(`the grace of a key whose successor has ${made} goes on over restarts, and does not begin anew`, async () => {
      const old = await key('old')
      const young = await key('young', made === 'a date' ? now : undefined)
      const keys: DatedKeys = [young, old]
      assert.deepEqual(await opens(await ringOf(...keys)), ids(...keys))
      for (let left = GRACE; left > 1; ) {
        passes(Math.floor(left / 2))
        left -= Math.floor(left / 2)
        assert.deepEqual(await opens(await restarted(...keys)), ids(...keys))
      }
      passes(1)
      assert.deepEqual(await opens(await restarted(...keys)), ids(young))
    })

  it('a clock that is set back while the sequencer runs lengthens no grace', async () => {
    const [old, young] = [await key('old'), await key('young', now)]
    const ring = await ringOf(young, old)
    passes(GRACE - 1)
    now -= 100 * GRACE
    assert.deepEqual(await opens(ring), ids(young, old))
    clock += 1
    assert.deepEqual(await opens(ring), ids(young))
  })

  it('a clock that is set back between two runs takes back nothing that was noted', async () => {
    const [old, young] = [await key('old'), await key('young', now)]
    const keys: DatedKeys = [young, old]
    for (let round = 0; round < 4; round += 1) {
      const ring = await restarted(...keys)
      passes(GRACE / 5)
      await ring.stop()
      now -= 10 * GRACE
    }
    const last = await restarted(...keys)
    assert.deepEqual(await opens(last), ids(...keys))
    clock += GRACE / 5
    assert.deepEqual(await opens(last), ids(young))
  })

  it('a successor that was made in the future, by a clock that was wrong, gives no longer grace', async () => {
    const [old, young] = [await key('old'), await key('young', now + 1000 * GRACE)]
    const ring = await ringOf(young, old)
    passes(GRACE)
    assert.deepEqual(await opens(ring), ids(young))
  })

  it('time that passes while the machine sleeps, and the monotonic clock stands still, counts', async () => {
    const ring = await ringOf(await key('young', now), await key('old'))
    now += GRACE
    assert.equal((await opens(ring)).length, 1)
  })

  it('a key without a date counts as made when it was first seen', async () => {
    const [old, young] = [await key('old'), await key('young')]
    const ring = await ringOf(old)
    passes(10 * GRACE)
    await ring.replace([young, old])
    passes(GRACE - 1)
    assert.deepEqual(await opens(ring), ids(young, old))
    await ring.replace([young, old])
    passes(1)
    assert.deepEqual(await opens(ring), ids(young))
  })

  it('a key that has expired opens no more, whatever the clock says, nor after a restart with a longer grace', async () => {
    const [old, young] = [await key('old'), await key('young', now)]
    const ring = await ringOf(young, old)
    passes(GRACE)
    assert.deepEqual(await opens(ring), ids(young))
    now -= 5 * GRACE
    await ring.replace([young, old])
    assert.deepEqual(await opens(ring), ids(young))
    clock = 0
    const options = { database, graceMs: 100 * GRACE, now: () => now, clock: () => clock }
    const longer = await KeyRing.open([young, old], { ...options, report: () => undefined })
    assert.deepEqual(await opens(longer), ids(young))
  })

  it('a key that was replaced and is the newest again is warned of, and no other', async () => {
    const [old, young] = [await key('old'), await key('young', now)]
    const ring = await ringOf(old)
    await ring.replace([young, old])
    await ring.replace([young, old])
    assert.deepEqual(warnings, [])
    await ring.replace([old])
    assert.equal(warnings.length, 1)
    assert.match(
      warnings.join(),
      new RegExp(`${toHex(old.keyId)} was replaced before, and is the newest again.*--rotate`)
    )
  })

  it('says that a key has expired only when that is on disk', async () => {
    const [old, young] = [await key('old'), await key('young', now)]
    const ring = await ringOf(young, old)
    passes(GRACE)
    new FailingWrites(database, 1, 'before')
    await assert.rejects(ring.open())
    now -= GRACE
    assert.deepEqual(await opens(await restarted(young, old)), ids(young, old), 'nobody was refused yet')
  })

  it('a key that is not there any more opens no more; the first one always does', async () => {
    const [old, young] = [await key('old'), await key('young', now)]
    const ring = await ringOf(young, old)
    passes(GRACE)
    await ring.replace([old])
    assert.deepEqual(toHex(ring.newest.keyId), toHex(old.keyId))
    assert.deepEqual(await opens(ring), ids(old))
  })

  it('names another generation when other keys open, and the same one as long as none does', async () => {
    const ring = await ringOf(await key('young', now), await key('old'))
    const { generation } = await ring.open()
    passes(GRACE - 1)
    assert.equal((await ring.open()).generation, generation)
    passes(1)
    assert.notEqual((await ring.open()).generation, generation)
  })

  it('does not open a folder whose graces are damaged', async () => {
    await database.put(Buffer.concat([Buffer.from(ranges.graces.gte), Buffer.alloc(8)]), Buffer.alloc(3))
    await assert.rejects(ringOf(await key('old')), { name: 'StoreError', message: /grace .* is damaged/ })
  })
})
