import assert from 'node:assert/strict'
import type { Unreceipted } from '#src/client/outbox-entries.js'
import { SendWindow } from '#src/client/send-window.js'
import type { EnvelopeBytes } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { present } from '../helpers/changes.js'
import { seedOf } from '../helpers/core.js'

function message(number: number, bytes = 100): Unreceipted {
  const leaf = seedOf(`message ${number}`)
  const envelope = new Uint8Array(bytes) as EnvelopeBytes
  return { sequence: BigInt(number), leaf, envelope, keyId: new Uint8Array(0) }
}

function lostOf(window: SendWindow, now: number): number[] {
  return window.lost(now).map(flight => Number(flight.message.sequence))
}

const { first, longest } = LIMITS.resendMs

describe('the window of messages on their way', () => {
  const sent = (count: number): SendWindow => {
    const window = new SendWindow()
    for (let number = 1; number <= count; number += 1) window.sent(message(number), 0)
    return window
  }

  it('has room for so many messages, and again as they come to their end', () => {
    const window = sent(LIMITS.clientWindow)
    assert.equal(window.room, 0)
    window.received(message(1).leaf, 1)
    window.ended(message(2).leaf)
    assert.equal(window.room, 2)
    window.ended(message(2).leaf)
    assert.equal(window.room, 2, 'what has ended does not end twice')
  })

  it('has room for so many bytes; a resend takes no more of it, and what takes its place only its own', () => {
    const window = new SendWindow()
    const whole = message(1, LIMITS.clientWindowBytes)
    window.sent(whole, 0)
    assert.equal(window.room, 0)
    window.sentAgain(present(window.find(whole.leaf)), 1)
    window.replaced(present(window.find(whole.leaf)), message(2), 2)
    assert.equal(window.room, LIMITS.clientWindow - 1)
    assert.equal(window.find(whole.leaf), undefined)
  })

  it('takes for lost what newer ones have overtaken, no sooner than its time', () => {
    const window = sent(4)
    assert.equal(window.received(message(3).leaf, 5), 5)
    assert.deepEqual(lostOf(window, first - 1), [])
    assert.deepEqual(lostOf(window, first), [1, 2])
  })

  it('counts a resend as the newest, so that it is overtaken only by what is sent after it', () => {
    const window = sent(2)
    window.sentAgain(present(window.find(message(1).leaf)), 1)
    window.received(message(2).leaf, 1)
    assert.deepEqual(lostOf(window, 1 + first), [], 'nothing newer than the resend has its receipt')
  })

  it('takes the oldest bundle for lost where no receipt comes at all, and waits longer each time', () => {
    const window = sent(LIMITS.bundleMessages + 1)
    let now = 0
    for (const wait of [first, 2 * first, 4 * first]) {
      assert.deepEqual(lostOf(window, now + wait - 1).includes(1), false)
      now += wait
      const lost = window.lost(now)
      assert.equal(lost.length, LIMITS.bundleMessages)
      for (const flight of lost) window.sentAgain(flight, now)
    }
    for (let resend = 0; resend < 10; resend += 1) window.sentAgain(present(window.all()[0]), now)
    assert.equal(present(window.all()[0]).resendAt, now + longest)
  })

  it('sends soon what nobody was there to take, and later what was refused for now', () => {
    const window = sent(2)
    window.received(message(2).leaf, 0)
    window.notOut(message(1).leaf, 0)
    assert.deepEqual(lostOf(window, LIMITS.redialMs.first), [1])
    window.postponed(message(1).leaf, 10)
    assert.deepEqual(lostOf(window, LIMITS.redialMs.first), [])
    assert.equal(present(window.find(message(1).leaf)).resendAt, 10 + first)
  })

  it('knows nothing of what was never sent', () => {
    const window = new SendWindow()
    assert.equal(window.received(message(1).leaf, 5), 0)
    window.notOut(message(1).leaf, 0)
    window.postponed(message(1).leaf, 0)
    assert.deepEqual(window.all(), [])
  })
})
