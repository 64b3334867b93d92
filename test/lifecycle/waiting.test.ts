import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { within } from '#src/lifecycle/waiting.js'
import { deadline } from '../helpers/changes.js'

/** As the engine does when it likes to. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  assert.ok(typeof collect === 'function')
  collect()
}

describe('a deadline', () => {
  it('may be a share of some time that is no whole number of ms', async () => {
    const signal = within(20 / 7, new AbortController().signal)
    if (!signal.aborted) await once(signal, 'abort', { signal: deadline() })
    assert.ok(signal.aborted)
  })

  it('fires when its time is up, though memory is collected meanwhile', async () => {
    const stopping = new AbortController()
    const signal = within(50, stopping.signal)
    const fired = once(signal, 'abort', { signal: deadline() })
    collectGarbage()
    await fired
    assert.equal(signal.reason.name, 'TimeoutError')
  })

  it('fires with the signal it was given', () => {
    const stopping = new AbortController()
    const signal = within(60_000, stopping.signal)
    stopping.abort(new Error('enough'))
    assert.ok(signal.aborted)
  })
})
