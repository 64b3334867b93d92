import assert from 'node:assert/strict'
import { parseEvent } from '#tools/localnet/peer-events.js'

describe('parseEvent', () => {
  const receipt = { event: 'receipt', sequence: 1, position: 0, leaf: 'ab', ms: 1.5 }

  it('reads an event of the contract, with what else stands in it', () => {
    assert.deepEqual(parseEvent(JSON.stringify({ ...receipt, more: true })), { ...receipt, more: true })
    assert.deepEqual(parseEvent('{"event":"stopped"}'), { event: 'stopped' })
  })

  it('reads a sequence past the exact numbers as its digits', () => {
    const sequence = '18446744073709551615'
    assert.deepEqual(parseEvent(JSON.stringify({ ...receipt, sequence })), { ...receipt, sequence })
  })

  for (const line of [
    '',
    'a text',
    'null',
    '[]',
    '{}',
    '{"event":"toString"}',
    '{"event":"unheard of"}',
    '{"error":"it did not start"}',
    JSON.stringify({ ...receipt, leaf: undefined }),
    JSON.stringify({ ...receipt, position: '0' })
  ])
    it(`takes ${line || 'an empty line'} for no event`, () => assert.equal(parseEvent(line), undefined))
})
