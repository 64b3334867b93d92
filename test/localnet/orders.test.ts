import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setInterval } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Localnet, type Peer } from '#tools/localnet/index.js'
import { deadline } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'

/** Asks until it is connected to so many. */
async function whenConnected(peer: Peer, count: number): Promise<readonly string[]> {
  for await (const _ of setInterval(20, undefined, { signal: deadline() })) {
    const { peers } = await peer.status()
    if (peers.length === count) return peers
  }
  throw new Error('an interval has no end')
}

describe('orders to a peer process', () => {
  const cleanup = new Cleanup(afterEach)

  it('tell it whom to keep connected to and whom to avoid, and it says how it does', async () => {
    const net = await Localnet.create({ network: { blockSize: 1 } })
    cleanup.add(() => net.stop())
    const [sequencer, follower] = await Promise.all([
      net.startSequencer(),
      net.startFollower({ connect: [] })
    ])
    assert.ok(sequencer && follower)
    const { height, head, size, pool, hashRate, peers, known } = await follower.status()
    assert.deepEqual([height, size, pool, hashRate, peers, known], [0, 0, 0, 0, [], 0])
    assert.match(head, /^[0-9a-f]{64}$/)

    await follower.connect(sequencer.addresses)
    assert.deepEqual(await whenConnected(sequencer, 1), [follower.peerId])
    assert.equal((await follower.status()).known, 1)

    await sequencer.avoid([follower.peerId])
    await whenConnected(follower, 0)
    await sequencer.avoid([])
    assert.deepEqual(await whenConnected(follower, 1), [sequencer.peerId])

    await assert.rejects(follower.mine(1), /^Failure: follower-1: this peer does not mine: it is a follower$/)
    await assert.rejects(follower.avoid(['nobody']), /^Failure: follower-1: /)
    await assert.rejects(follower.connect(['nowhere']), /^Failure: follower-1: /)

    follower.kill('SIGSTOP')
    const waiting = follower.status()
    follower.kill()
    await assert.rejects(waiting, /^Failure: follower-1: ended by SIGKILL/)
    await assert.rejects(follower.status(), /^Failure: follower-1: ended by SIGKILL/)
  })

  it('that make no sense are refused, and harm nobody', async () => {
    const folder = await cleanup.folder()
    const { network } = await makeNetwork()
    await writeFile(join(folder, 'network.json'), JSON.stringify(network.document))
    const peer = fileURLToPath(import.meta.resolve('#src/peer.js'))
    const args = ['--role', 'follower', '--network', 'network.json', '--no-connect', '--json']
    const child = fork(peer, args, { cwd: folder, silent: true })
    const ended = once(child, 'exit')
    cleanup.add(async () => {
      child.kill('SIGKILL')
      await ended
    })
    const replies: unknown[] = []
    const hasAll = Promise.withResolvers<void>()
    child.on('message', reply => {
      replies.push(reply)
      if (replies.length === 4) hasAll.resolve()
    })
    const nonsense = [{}, 'status', [], { number: -1, order: { order: 'status' } }, { order: 'status' }]
    for (const message of nonsense) child.send(message)
    child.send({ number: 1, order: { order: 'fly' } })
    child.send({ number: 2, order: { order: 'mine', count: 'all' } })
    child.send({ number: 3 })
    child.send({ number: 4, order: { order: 'connect', addresses: [] } })
    await Promise.race([hasAll.promise, ended])
    const refused = { reply: 'refused', reason: 'there is no such order' }
    assert.deepEqual(replies, [
      { number: 1, reply: refused },
      { number: 2, reply: refused },
      { number: 3, reply: refused },
      { number: 4, reply: { reply: 'done' } }
    ])
    child.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
  })
})
