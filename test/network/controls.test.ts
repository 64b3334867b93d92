import assert from 'node:assert/strict'
import { setInterval } from 'node:timers/promises'
import { toHex } from '#src/core/bytes.js'
import { signerOf } from '#src/core/keys.js'
import type { Controls, Holdings, PeerStatus } from '#src/node/controls.js'
import { deadline } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { identity, makeNetwork } from '../helpers/networks.js'
import { RunningClient, RunningFollower, RunningSequencer } from '../helpers/peers.js'

/** Asks until the answer is as it should become: nothing tells of connections. */
async function whenStatus(
  controls: Controls<Holdings>,
  fits: (status: PeerStatus) => boolean
): Promise<PeerStatus> {
  for await (const _ of setInterval(20, undefined, { signal: deadline() })) {
    const status = controls.status()
    if (status.kind === 'chain' && fits(status)) return status
  }
  throw new Error('an interval has no end')
}

describe('the controls of a peer', () => {
  const cleanup = new Cleanup(afterEach)

  it('tell its head, what waits, and who is connected', async () => {
    const net = await makeNetwork({ blockSize: 2 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    const client = await RunningClient.connected(cleanup, net, follower.address)
    await client.send(3)
    await client.receipted(3)
    const { id } = await follower.has(1)

    for (const { controls } of [sequencer, follower, client.client]) {
      const { height, head, size, hashRate } = await whenStatus(controls, status => status.height === 1)
      assert.deepEqual([height, toHex(head), size, hashRate], [1, toHex(id), 2, 0])
    }
    assert.equal(sequencer.controls.status().pool, 1)
    assert.equal((await whenStatus(client.client.controls, () => true)).pool, 0)
    const name = toHex(signerOf(await identity('follower')).peerId)
    assert.deepEqual(sequencer.controls.status().peers.map(toHex), [name])
    assert.deepEqual(
      [sequencer, follower].map(({ controls }) => controls.status().known),
      [0, 1]
    )
  })

  it('divide a network and heal it: blocks reach only this side, and then the other, too', async () => {
    const net = await makeNetwork({ blockSize: 1 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [])
    const client = await RunningClient.connected(cleanup, net, sequencer.address)
    follower.controls.connect([sequencer.address])
    await client.send(1)
    await follower.has(1)

    const ofFollower = signerOf(await identity('follower')).peerId
    sequencer.controls.avoid([ofFollower])
    follower.controls.avoid([net.sequencer])
    await whenStatus(follower.controls, ({ peers }) => peers.length === 0)
    await client.send(1)
    await client.receipted(2)
    assert.equal(follower.controls.status().height, 1)

    for (const peer of [sequencer, follower]) peer.controls.avoid([])
    await follower.has(2)
  })

  it('have a sequencer dial others, too', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [])
    sequencer.controls.connect([follower.address])
    await whenStatus(follower.controls, ({ peers }) => peers.length === 1)
    assert.equal(sequencer.controls.status().known, 1)
  })

  it('refuse to mine where nobody mines', async () => {
    const net = await makeNetwork()
    const sequencer = await RunningSequencer.start(cleanup, net)
    const follower = await RunningFollower.start(cleanup, net, [sequencer.address])
    for (const [role, { controls }] of Object.entries({ sequencer, follower }))
      assert.deepEqual(await controls.mine(1, deadline()), {
        ok: false,
        reason: `this peer does not mine: it is a ${role}`
      })
  })
})
