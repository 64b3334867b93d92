import assert from 'node:assert/strict'
import { asHash, type PeerIdBytes } from '#src/core/bytes.js'
import type { Query } from '#src/core/query.js'
import { expectedAnswers } from '#src/query/expected-answers.js'
import { repositoryFile, seedOf } from '../helpers/core.js'

describe('the table of the largest answers in the protocol', () => {
  const text = repositoryFile('docs/PROTOCOL.md')
  const id = asHash(seedOf('an id'))
  const peerId = Uint8Array.of(0, 36) as Uint8Array as PeerIdBytes
  const page = { from: 1, limit: 1_000_000 }
  const rows: readonly (readonly [row: string, query: Query, frames: number])[] = [
    ['| `head`, `height`, `id`, `previous` | BYTES | 1 |', { kind: 'head' }, 1],
    ['| `range` | BYTES | min(`limit`, 256) + 1 |', { kind: 'range', ...page }, 257],
    ['| `blocks_by_id` | BYTES | ids + 1 |', { kind: 'blocksById', ids: [id, id] }, 3],
    ['| `headers` | BYTES | min(`limit`, 1,000) + 1 |', { kind: 'headers', ...page }, 1001],
    ['| `evidence` | BYTES | 17 |', { kind: 'evidence' }, 17],
    ['| `receipt` | BYTES | 1 |', { kind: 'receipt', author: peerId, sequence: 1n }, 1],
    ['| `node`, `accounts` | BYTES | 1 |', { kind: 'node' }, 1],
    ['| `offer` | BYTES | 401, of which', { kind: 'offer', claim: { height: 1, id, weight: 1n } }, 401],
    ['| all others | BYTES | 1 |', { kind: 'status' }, 1]
  ]

  for (const [row, query, frames] of rows)
    it(`has what is taken for ${query.kind}`, () => {
      const expected = expectedAnswers(query)
      const line = row.replace('BYTES', expected.frameBytes.toLocaleString('en'))
      assert.ok(text.includes(line), line)
      assert.equal(expected.frames, frames)
    })

  it('has what is taken for blocks that were mined, and for transfers', () => {
    const base = expectedAnswers({ kind: 'status' }).frameBytes
    assert.equal(expectedAnswers({ kind: 'mine', count: 3 }).frameBytes, base + 64 * 3)
    assert.equal(expectedAnswers({ kind: 'transfers', ids: [id, id] }).frameBytes, base * 3)
    assert.ok(text.includes('| `transfers` | 16,384 × (ids + 1) | 1 |'))
    assert.ok(text.includes('| `mine` | 16,384 + 64 × blocks | 401, likewise |'))
  })
})
