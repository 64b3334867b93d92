import assert from 'node:assert/strict'
import { encodeBundle } from '#src/core/bundle.js'
import type { Verdict } from '#src/core/validation.js'
import { ValidationPool } from '#src/node/validation-pool.js'
import { OpenAuthor } from '../helpers/authors.js'
import { makeWorkNetwork, type TestNetwork } from '../helpers/networks.js'

function sequencesOf(verdicts: readonly Verdict[]): bigint[] {
  return verdicts.map(({ sequence }) => sequence ?? 0n)
}

describe('the validation pool', () => {
  let net: TestNetwork
  let bundles: Uint8Array[]
  before(async () => {
    net = await makeWorkNetwork()
    const alice = await OpenAuthor.create(net, 'alice')
    bundles = alice.says(300).map(({ envelope }) => encodeBundle([envelope]))
  })

  it('gives verdicts in the order of the calls, while more workers come and once they are there', async () => {
    const pool = new ValidationPool(net.network)
    await pool.start()
    try {
      for (const round of [1, 2, 3]) {
        const heard: bigint[] = []
        const asked = bundles.map(async bundle => {
          const verdicts = await pool.validate(bundle, 1)
          assert.ok(verdicts.every(({ ok }) => ok))
          heard.push(...sequencesOf(verdicts))
        })
        assert.equal(pool.queued, bundles.length)
        await Promise.all(asked)
        assert.deepEqual(
          heard,
          bundles.map((_, index) => BigInt(index + 1)),
          `round ${round}`
        )
        assert.equal(pool.queued, 0)
      }
    } finally {
      await pool.stop()
    }
  })

  it('stops while another worker still loads, and takes nothing any more', async () => {
    const [one, two] = bundles
    assert.ok(one && two)
    const pool = new ValidationPool(net.network)
    await assert.rejects(pool.validate(one, 1), /not running/)
    await pool.start()
    // The second one finds the only worker busy.
    const verdicts = await Promise.all([one, two].map(bundle => pool.validate(bundle, 1)))
    assert.deepEqual(verdicts.map(sequencesOf), [[1n], [2n]])
    await pool.stop()
    await assert.rejects(pool.validate(one, 1), /not running/)
    assert.equal(pool.queued, 0)
  })
})
