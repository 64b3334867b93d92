import assert from 'node:assert/strict'
import type { Answer } from '#src/core/answer.js'
import { whileWorking } from '#src/lifecycle/working.js'

const never = new AbortController().signal

describe('an answer that takes long', () => {
  it('is announced until it is there, and comes last', async () => {
    const { promise: work, resolve } = Promise.withResolvers<Answer>()
    const kinds: string[] = []
    for await (const { kind } of whileWorking(() => work, never, 1)) {
      kinds.push(kind)
      if (kinds.length === 3) resolve({ kind: 'done', next: 0 })
    }
    assert.deepEqual(kinds.slice(0, 3), ['working', 'working', 'working'])
    assert.equal(kinds.at(-1), 'done')
    assert.deepEqual(new Set(kinds.slice(0, -1)), new Set(['working']))
  })

  it('comes alone where it does not take long after all', async () => {
    const answers: Answer[] = []
    for await (const answer of whileWorking(async () => ({ kind: 'done', next: 7 }), never))
      answers.push(answer)
    assert.deepEqual(answers, [{ kind: 'done', next: 7 }])
  })

  it('is given up when nobody wants more of it, and when the peer stops', async () => {
    const stopping = new AbortController()
    for (const leave of [() => undefined, () => stopping.abort()]) {
      const { promise: work, resolve } = Promise.withResolvers<Answer>()
      let given: AbortSignal | undefined
      const started = (signal: AbortSignal): Promise<Answer> => {
        given = signal
        signal.addEventListener('abort', () => resolve({ kind: 'done', next: 0 }))
        return work
      }
      for await (const _ of whileWorking(started, stopping.signal, 1)) {
        leave()
        break
      }
      assert.equal(given?.aborted, true)
      await work
    }
  })

  it('fails as the work does', async () => {
    const failing = whileWorking(() => Promise.reject(new Error('the disk says no')), never)
    await assert.rejects(async () => {
      for await (const { kind } of failing) assert.fail(kind)
    }, /the disk says no/)
  })
})
