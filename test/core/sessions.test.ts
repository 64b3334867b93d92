import assert from 'node:assert/strict'
import { Sessions } from '#src/core/sessions.js'

const secretOf = (number: number): Uint8Array => Uint8Array.of(number)

describe('The sealing sessions that are remembered', () => {
  it('are a few of each author: one who begins ever new ones has his own forgotten, and nobody else’s', () => {
    const sessions = new Sessions<Uint8Array>(10, 3)
    sessions.add('alice', 'only', secretOf(1))
    for (let number = 0; number < 1_000; number += 1)
      sessions.add('mallory', `session ${number}`, secretOf(number % 256))
    assert.deepEqual(sessions.get('alice', 'only'), secretOf(1))
    const kept = Array.from({ length: 1_000 }, (_, number) => `session ${number}`).filter(
      session => sessions.get('mallory', session) !== undefined
    )
    assert.deepEqual(kept, ['session 997', 'session 998', 'session 999'])
  })

  it('are those of the authors who sent something last: a crowd of new ones has one forgotten that is silent', () => {
    const sessions = new Sessions<Uint8Array>(10, 3)
    for (const author of ['busy', 'silent']) sessions.add(author, 'only', secretOf(1))
    for (let number = 0; number < 1_000; number += 1) {
      assert.deepEqual(sessions.get('busy', 'only'), secretOf(1))
      sessions.add(`stranger ${number}`, 'only', secretOf(2))
    }
    assert.deepEqual(sessions.get('busy', 'only'), secretOf(1))
    assert.equal(sessions.get('silent', 'only'), undefined)
    assert.deepEqual(sessions.get('stranger 999', 'only'), secretOf(2))
    assert.equal(sessions.get('stranger 0', 'only'), undefined)
  })

  it('are each of one author alone', () => {
    const sessions = new Sessions<Uint8Array>(10, 3)
    sessions.add('alice', 'session', secretOf(1))
    assert.equal(sessions.get('bob', 'session'), undefined)
  })
})
