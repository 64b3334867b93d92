import assert from 'node:assert/strict'
import type { Block } from '#src/core/block.js'
import { type Hash, type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { LIMITS } from '#src/core/limits.js'
import { Orphans } from '#src/replication/chain/orphans.js'
import { seedOf } from '../../helpers/core.js'
import { ForkMaker } from '../../helpers/fork-maker.js'
import { makeWorkNetwork } from '../../helpers/work-network.js'

const BYTES = 1_000

function peerNumber(number: number): PeerIdBytes {
  const bytes = Buffer.alloc(38)
  bytes.writeUInt32BE(number)
  return bytes as Uint8Array as PeerIdBytes
}

describe('blocks that wait for their parents', () => {
  let model: Block
  let orphans: Orphans

  before(async () => {
    const maker = await ForkMaker.create(makeWorkNetwork())
    model = maker.make('a1')
  })

  beforeEach(() => {
    orphans = new Orphans()
  })

  /** Nobody looks at more of it than its id and its parent. */
  function orphan(id: string, parent = 'nobody knows it'): Block {
    const header = { ...model.signed.header, parent: seedOf(parent) }
    return { ...model, signed: { ...model.signed, id: seedOf(id), header } }
  }

  function childrenOf(parent: string): string[] {
    return orphans.takeChildren(seedOf(parent)).map(({ signed }) => toHex(signed.id))
  }

  const hexOf = (...names: string[]): string[] => names.map(name => toHex(seedOf(name)))

  it('are given out with their parent, all of them and once', () => {
    for (const name of ['one', 'two']) orphans.add(orphan(name, 'parent'), peerNumber(1), BYTES, 0)
    orphans.add(orphan('three', 'one'), peerNumber(1), BYTES, 0)
    assert.deepEqual(childrenOf('parent'), hexOf('one', 'two'))
    assert.deepEqual(childrenOf('parent'), [])
    assert.deepEqual(childrenOf('one'), hexOf('three'))
    assert.equal(orphans.size, 0)
  })

  it('count once, however often they come', () => {
    for (let peer = 0; peer < 10; peer += 1) orphans.add(orphan('one', 'parent'), peerNumber(peer), BYTES, 0)
    assert.equal(orphans.size, 1)
    assert.deepEqual(childrenOf('parent'), hexOf('one'))
  })

  it('of one peer are only so many: its oldest go, and none of others', () => {
    orphans.add(orphan('of another', 'parent'), peerNumber(2), BYTES, 0)
    for (let index = 0; index <= LIMITS.orphansOfPeer; index += 1)
      orphans.add(orphan(`${index}`, `parent of ${index}`), peerNumber(1), BYTES, 0)
    assert.equal(orphans.size, LIMITS.orphansOfPeer + 1)
    assert.deepEqual(childrenOf('parent of 0'), [])
    assert.deepEqual(childrenOf('parent of 1'), hexOf('1'))
    assert.deepEqual(childrenOf('parent'), hexOf('of another'))
  })

  it('take only so many bytes', () => {
    const large = LIMITS.orphanBytes / 4
    for (let index = 0; index < 6; index += 1)
      orphans.add(orphan(`${index}`, `parent of ${index}`), peerNumber(index), large, 0)
    assert.equal(orphans.size, 4)
    assert.deepEqual(childrenOf('parent of 1'), [])
    orphans.add(orphan('too large', 'parent'), peerNumber(9), LIMITS.orphanBytes + 1, 0)
    assert.deepEqual(childrenOf('parent'), [])
    assert.deepEqual(childrenOf('parent of 2'), hexOf('2'))
  })

  it('are forgotten when nobody has brought their parent in time', () => {
    orphans.add(orphan('old', 'parent'), peerNumber(1), BYTES, 0)
    orphans.add(orphan('young', 'parent'), peerNumber(1), BYTES, 1_000)
    orphans.add(orphan('new', 'parent'), peerNumber(1), BYTES, LIMITS.orphanMs + 500)
    assert.deepEqual(childrenOf('parent'), hexOf('young', 'new'))
  })

  it('are bounded: of 100,000 of a thousand peers as many stay as may, and one that has its parent is found', () => {
    const seed = Buffer.alloc(4)
    const block = orphan('template')
    for (let index = 0; index < 100_000; index += 1) {
      seed.writeUInt32BE(index)
      const id: Hash = sha256(seed)
      orphans.add(
        { ...block, signed: { ...block.signed, id } },
        peerNumber(index % 1_000),
        BYTES,
        index / 100
      )
      assert.ok(orphans.size <= LIMITS.orphans)
    }
    assert.equal(orphans.size, LIMITS.orphans)
    orphans.add(orphan('honest', 'parent'), peerNumber(5_000), BYTES, 1_000)
    assert.deepEqual(childrenOf('parent'), hexOf('honest'))
    assert.equal(orphans.takeChildren(block.signed.header.parent).length, LIMITS.orphans - 1)
    assert.equal(orphans.size, 0)
  })
})
