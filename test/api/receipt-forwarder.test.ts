import assert from 'node:assert/strict'
import { ReceiptForwarder } from '#src/api/receipt-handler.js'
import type { Answer } from '#src/core/answer.js'
import { type EnvelopeBytes, type PeerIdBytes, utf8 } from '#src/core/bytes.js'
import { LIMITS } from '#src/core/limits.js'
import { NotFound } from '#src/query/query-errors.js'
import { present } from '../helpers/changes.js'

const RECEIPT = utf8('a receipt') as Uint8Array as EnvelopeBytes
const AUTHOR = utf8('an author') as Uint8Array as PeerIdBytes

describe('a follower that is asked for receipts', () => {
  let now: number
  let asked: number
  let upstream: (() => Promise<EnvelopeBytes>) | undefined
  let forwarder: ReceiptForwarder

  beforeEach(() => {
    now = 0
    asked = 0
    upstream = async () => RECEIPT
    forwarder = new ReceiptForwarder({
      ask: () => {
        asked += 1
        return upstream?.()
      },
      clock: () => now
    })
  })

  /** By a peer on a host of its own, or on another one. */
  async function ask(peer: string, host = peer): Promise<Answer> {
    const asking = { peer: AUTHOR, from: { peer, host, site: host } }
    const reply = forwarder.reply({ kind: 'receipt', author: AUTHOR, sequence: 1n }, asking)
    for await (const answer of present(reply).answers) return answer
    throw new Error('no answer')
  }

  it('gives what the peer before it gives, and its no', async () => {
    assert.deepEqual(await ask('alice'), { kind: 'receipt', receipt: RECEIPT })
    upstream = () => Promise.reject(new NotFound('no receipt for sequence 1'))
    assert.deepEqual(await ask('alice'), { kind: 'notFound', detail: 'no receipt for sequence 1' })
  })

  it('says that it is busy where there is no way to the sequencer, or what comes from there does not hold', async () => {
    upstream = undefined
    assert.equal((await ask('alice')).kind, 'refused')
    upstream = () => Promise.reject(new Error('forged'))
    assert.equal((await ask('alice')).kind, 'refused')
  })

  it('asks no more often than its rate, whoever asks it, so that it can go on asking for blocks', async () => {
    const { burst, perSecond } = LIMITS.forwardedReceiptRate
    for (let count = 0; count < burst; count += 1)
      assert.equal((await ask(`stranger ${count}`)).kind, 'receipt')
    assert.equal((await ask('one more')).kind, 'refused')
    assert.equal(asked, burst)
    now += 1000
    for (let count = 0; count < perSecond; count += 1)
      assert.equal((await ask(`later ${count}`)).kind, 'receipt')
    assert.equal((await ask('one more')).kind, 'refused')
  })

  it('asks for few at once, of one peer and of one host, also while nobody answers, and for others meanwhile', async () => {
    const held = Promise.withResolvers<EnvelopeBytes>()
    upstream = () => held.promise
    const waiting = [ask('alice'), ask('alice')]
    assert.equal((await ask('alice')).kind, 'refused')
    // A host has half of the places, however many names it goes by.
    const crowd = Array.from({ length: LIMITS.forwardedReceipts }, (_, index) =>
      ask(`one of many ${index}`, 'host')
    )
    const bob = ask('bob')
    held.resolve(RECEIPT)
    const kinds = (await Promise.all(crowd)).map(({ kind }) => kind)
    assert.equal(kinds.filter(kind => kind === 'receipt').length, (LIMITS.forwardedReceipts - 2) / 2)
    assert.deepEqual(
      (await Promise.all([...waiting, bob])).map(({ kind }) => kind),
      ['receipt', 'receipt', 'receipt']
    )
    assert.equal((await ask('alice')).kind, 'receipt')
  })
})
