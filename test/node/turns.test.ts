import assert from 'node:assert/strict'
import type { PeerIdBytes } from '#src/core/bytes.js'
import { Turns } from '#src/node/turns.js'

const FOREVER = new AbortController().signal
const peer = (number: number): PeerIdBytes => new Uint8Array(38).fill(number) as PeerIdBytes

describe('peers that are asked in turn', () => {
  let asked: number[]
  let answers: Record<number, () => Promise<string>>

  const ask = ([number = 0]: PeerIdBytes): Promise<string> => {
    asked.push(number)
    return answers[number]?.() ?? Promise.reject(new Error(`${number} has nothing`))
  }

  beforeEach(() => {
    asked = []
    answers = {}
  })

  it('are asked until one answers, who is asked first the next time', async () => {
    const turns = new Turns(() => [1, 2, 3].map(peer), 60_000)
    answers = { 2: async () => 'two' }
    assert.equal(await turns.ask(ask, FOREVER), 'two')
    assert.equal(await turns.ask(ask, FOREVER), 'two')
    answers = { 1: async () => 'one' }
    assert.equal(await turns.ask(ask, FOREVER), 'one')
    assert.deepEqual(asked, [1, 2, 2, 2, 3, 1])
  })

  it('are each given a share of the time, so that one who says nothing keeps nobody from being asked', async () => {
    const turns = new Turns(() => [1, 2].map(peer), 30)
    answers = { 1: () => new Promise(() => undefined), 2: async () => 'two' }
    assert.equal(await turns.ask(ask, FOREVER), 'two')
    assert.equal(await turns.ask(ask, FOREVER), 'two')
    assert.deepEqual(asked, [1, 2, 2])
  })

  it('are not asked where there are none, or when it is over', async () => {
    assert.equal(new Turns(() => [], 60_000).ask(ask, FOREVER), undefined)
    const turns = new Turns(() => [1, 2].map(peer), 60_000)
    await assert.rejects(async () => turns.ask(ask, FOREVER), /2 has nothing/)
    const stopping = new AbortController()
    answers = { 1: () => new Promise(() => stopping.abort(new Error('over'))), 2: async () => 'two' }
    await assert.rejects(async () => turns.ask(ask, stopping.signal), /over/)
    assert.deepEqual(asked, [1, 2, 1])
  })
})
