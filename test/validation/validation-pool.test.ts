import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { encodeBundle } from '#src/core/bundle.js'
import type { PeerEvent } from '#src/core/events.js'
import type { Verdict } from '#src/core/validation.js'
import { NotValidated, ValidationPool } from '#src/validation/validation-pool.js'
import { OpenAuthor } from '../helpers/authors.js'
import { MADE_TO_HANG, MADE_TO_THROW } from '../helpers/failing-worker.js'
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

  describe('where a worker fails', () => {
    const worker = new URL('../helpers/failing-worker.js', import.meta.url).href
    const warnings: string[] = []
    const report = (event: PeerEvent): void => {
      if (event.event === 'warning') warnings.push(event.message)
    }
    let alice: OpenAuthor
    let pool: ValidationPool

    beforeEach(async () => {
      warnings.length = 0
      alice = await OpenAuthor.create(net, 'alice')
      pool = new ValidationPool(net.network, undefined, { worker, report, verdictMs: 500 })
      await pool.start()
    })

    afterEach(() => pool.stop())

    const said = (text: string): Promise<readonly Verdict[]> =>
      pool.validate(encodeBundle([alice.say({ text }).envelope]), 1)

    it('what it throws is no verdict, and those that came with the message are judged without it', async () => {
      // The first ones keep the workers busy, so that the others are handed out together.
      const texts = ['first', 'second', 'third', MADE_TO_THROW, 'before', MADE_TO_THROW, 'after']
      const outcomes = await Promise.allSettled(texts.map(said))
      assert.deepEqual(
        outcomes.map(outcome =>
          outcome.status === 'fulfilled'
            ? outcome.value.map(({ ok }) => ok)
            : outcome.reason instanceof NotValidated
        ),
        texts.map(text => (text === MADE_TO_THROW ? true : [true]))
      )
      assert.equal(warnings.length, 2)
      assert.match(warnings[0] ?? '', /Maximum call stack size exceeded.* defect of the program/)
      assert.equal(pool.queued, 0)
    })

    it('one that comes to no verdict is ended and replaced, and others are judged after it', async () => {
      await assert.rejects(said(MADE_TO_HANG), NotValidated)
      assert.match(warnings[0] ?? '', /came to no verdict within 500 ms/)
      for (const text of ['one', 'two', 'three']) assert.ok((await said(text)).every(({ ok }) => ok))
      assert.equal(pool.queued, 0)
    })

    it('time in which the whole process is stopped does not count against a worker', async () => {
      const verdictMs = 3_000
      const path = fileURLToPath(new URL('../helpers/stopped-pool.js', import.meta.url))
      const child = spawn(process.execPath, [path, String(verdictMs)], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      const exited = once(child, 'exit')
      try {
        const lines: string[] = []
        for await (const line of createInterface(child.stdout)) {
          lines.push(line)
          if (line === 'stopping') setTimeout(() => child.kill('SIGCONT'), verdictMs + 500)
        }
        assert.deepEqual(lines, ['stopping', 'valid'])
        assert.deepEqual(await exited, [0, null])
      } finally {
        child.kill('SIGKILL')
      }
    })

    it('in the middle of many that wait, all get an outcome, in the order of the calls', async () => {
      const texts = Array.from({ length: 40 }, (_, index) =>
        index === 10 ? MADE_TO_HANG : `message ${index}`
      )
      const heard: number[] = []
      const outcomes = await Promise.allSettled(
        texts.map(async (text, index) => {
          try {
            return await said(text)
          } finally {
            heard.push(index)
          }
        })
      )
      assert.deepEqual(
        heard,
        texts.map((_, index) => index)
      )
      for (const outcome of outcomes)
        if (outcome.status === 'fulfilled') assert.ok(outcome.value.every(({ ok }) => ok))
        else assert.ok(outcome.reason instanceof NotValidated, String(outcome.reason))
      assert.equal(outcomes[10]?.status, 'rejected')
      assert.ok((await said('afterwards')).every(({ ok }) => ok))
    })
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
