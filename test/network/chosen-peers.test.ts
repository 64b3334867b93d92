import assert from 'node:assert/strict'
import { type PeerIdBytes, toHex } from '#src/core/bytes.js'
import { chosenPeers } from '#src/network/chosen-peers.js'
import type { Host } from '#src/network/host.js'

describe('peers that are asked', () => {
  const peer = (number: number): PeerIdBytes => new Uint8Array(38).fill(number) as PeerIdBytes
  /** Those below 100 are on one host, each other one on its own. */
  const host: Pick<Host, 'bringerOf'> = {
    bringerOf: peer => {
      const [number = 0] = peer
      return { peer: toHex(peer), host: number < 100 ? 'crowd' : `host ${number}`, site: '' }
    }
  }
  const crowd = Array.from({ length: 100 }, (_, number) => peer(number))
  const others = [200, 201, 202].map(peer)

  it('are all, where they are few', () => {
    const chosen = chosenPeers(crowd, host, 100)
    assert.deepEqual(chosen.map(toHex).sort(), crowd.map(toHex).sort())
    assert.deepEqual(chosenPeers([], host, 100), [])
  })

  it('are so many and no more, each once, and of each host before more of one', () => {
    const chosen = chosenPeers([...crowd, ...others], host, 8).map(toHex)
    assert.equal(new Set(chosen).size, 8)
    assert.equal(chosen.length, 8)
    for (const other of others) assert.ok(chosen.includes(toHex(other)), 'a peer of another host is asked')
  })

  it('are of each host before more of one, where all are asked: many names do not come before a peer of another host', () => {
    const chosen = chosenPeers([...crowd, ...others], host, 200)
    const firsts = chosen.slice(0, others.length + 1).map(peer => host.bringerOf(peer).host)
    assert.equal(new Set(firsts).size, others.length + 1)
    assert.equal(chosen.length, crowd.length + others.length)
  })

  it('are others each time, where all are on one host', () => {
    const seen = new Set<string>()
    for (let round = 0; round < 200; round += 1)
      for (const chosen of chosenPeers(crowd, host, 8)) seen.add(toHex(chosen))
    assert.equal(seen.size, crowd.length)
  })
})
