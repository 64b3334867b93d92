import assert from 'node:assert/strict'
import type { EnvelopeBytes } from '#src/core/bytes.js'
import { checkMessages } from '#src/validation/message-checks.js'
import { ValidationPool } from '#src/validation/validation-pool.js'
import { OpenAuthor } from '../helpers/authors.js'
import { makeWorkNetwork } from '../helpers/networks.js'

describe('messages of a block, or those that are handed in', () => {
  it('that are longer than any may be are refused each by itself, and those beside them are looked at', async () => {
    const net = await makeWorkNetwork()
    const alice = await OpenAuthor.create(net, 'alice')
    const [one, two] = alice.says(2).map(({ envelope }) => envelope)
    assert.ok(one && two)
    // Longer than what a worker is ever given at once.
    const huge = new Uint8Array(1024 * 1024 + 1) as Uint8Array as EnvelopeBytes
    const pool = new ValidationPool(net.network)
    await pool.start()
    try {
      const verdicts = await checkMessages([huge, one, huge, two, huge], pool)
      assert.deepEqual(
        verdicts.map(verdict => (verdict.ok ? 'ok' : verdict.refusal.reason)),
        ['too large', 'ok', 'too large', 'ok', 'too large']
      )
      assert.equal(pool.queued, 0)
    } finally {
      await pool.stop()
    }
  })
})
