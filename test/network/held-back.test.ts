import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { submit } from '#src/client/submission-client.js'
import { LIMITS } from '#src/core/limits.js'
import { envelopesOf, OpenAuthor } from '../helpers/authors.js'
import { deadline } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeWorkNetwork } from '../helpers/networks.js'
import { levelled, RunningEqual, readerOf } from '../helpers/running-equal.js'

const BUNDLE = 250
const BLOCK = 500

describe('messages of one host that a peer among equals holds back', () => {
  const cleanup = new Cleanup(after)

  it('come to those who mine as blocks take others out of the pool, until all stand in the chain', async () => {
    const net = await makeWorkNetwork({ blockSize: BLOCK, maxReorg: 20 })
    const relay = await RunningEqual.start(cleanup, net, { who: 'relay' })
    const miner = await RunningEqual.start(cleanup, net, {
      who: 'miner',
      mining: { threads: 1, blocks: 0 },
      connect: [relay.address]
    })
    const { host, peer } = await readerOf(cleanup, net, relay.address)
    const writer = await OpenAuthor.create(net, 'writer')
    const [share, more] = [LIMITS.pooledOfPeer / 2, 2 * BLOCK]
    for (let sent = 0; sent < share + more; sent += BUNDLE) {
      const fates = await submit(host, peer, net.network.id, envelopesOf(writer.says(BUNDLE)), deadline())
      assert.ok(fates.every(({ kind }) => kind === 'accepted'))
    }
    await miner.pools(share)
    assert.equal(relay.controls.status().pool, share + more)
    assert.equal(miner.controls.status().pool, share, 'the rest is held back')
    for (let left = more; left > 0; left -= BLOCK) {
      assert.equal((await miner.controls.mine?.(1, deadline()))?.ok, true)
      await levelled(relay, miner)
      await miner.pools(share)
    }
    const late = deadline()
    while (relay.controls.status().pool > 0) {
      await miner.controls.mine?.(1, late)
      await setTimeout(20, undefined, { signal: late })
    }
  })
})
